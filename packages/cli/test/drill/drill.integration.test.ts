import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { terminalReport } from '../../src/drill/output/terminal.ts';
import { folder } from '../support/folder.ts';
import { prestop } from '../support/io.ts';
import { drilled, drilledService, fixture, kinds, outcomes } from './support/drill.ts';

const requests = (...lines: string[]) => lines.flatMap((line) => ['--request', line]);

describe('a service that loses requests', () => {
  it('by ending at once', async () => {
    const { code, result } = await drilledService('exit', '-r', '4x GET /', '-r', 'GET /slow');
    expect(code).toBe(1);
    expect(outcomes(result)).toMatchObject({ answered: 'fail', 'in-time': 'pass', tested: 'pass' });
    expect(kinds(result)).toContain('exited-too-early');
    expect(kinds(result)).toContain('exited-in-flight');
    const early = result.losses.find(({ kind }) => kind === 'exited-too-early');
    expect(early?.lastMs).toBeGreaterThan(600);
    expect(early?.lastMs).toBeLessThan(1_800);
    expect(early?.examples[0]).toMatchObject({ method: 'GET', cause: 'ECONNREFUSED', requestOnConnection: 0 });
    expect(result.tally.lostCount).toBe(result.losses.reduce((sum, { count }) => sum + count, 0));
    expect(result.traffic.buckets.reduce((sum, { lost }) => sum + lost, 0)).toBe(result.tally.lostCount);
  });

  it('by closing its listener', async () => {
    const { code, result } = await drilledService('close', '-r', '4x GET /', '-r', 'GET /slow');
    expect(code).toBe(1);
    expect(kinds(result)).toContain('listener-closed');
  });

  it('by refusing what still comes', async () => {
    const { code, result } = await drilledService('refuse');
    expect(code).toBe(1);
    expect(kinds(result)[0]).toBe('refused-by-status');
  });

  it('by needing SIGKILL', async () => {
    const { code, result } = await drilledService('ignore', '--grace', '2', '-r', 'GET /', '-r', 'GET /slow');
    expect(code).toBe(1);
    expect(outcomes(result)).toMatchObject({ 'in-time': 'fail' });
    expect(result.pods[0]?.timeline).toMatchObject({ killed: true, exit: { signal: 'SIGKILL' } });
    expect(Math.abs((result.pods[0]?.lastMomentMs ?? 0) - (result.pods[0]?.timeline.exitedAtMs ?? 0))).toBeLessThan(
      200,
    );
  });

  it('with the default action of a signal that it does not handle', async () => {
    const { result } = await drilledService('default');
    expect(outcomes(result)).toMatchObject({ answered: 'fail', 'exit-code': 'warn' });
  });
});

describe('a service that loses nothing', () => {
  it('because it serves on for longer than its callers need', async () => {
    const { code, result, report, stderr } = await drilledService(
      'serve',
      ...requests('8x GET /', 'GET /slow', 'GET /stream', 'POST /upload {"a":1}'),
    );
    expect(result.losses).toEqual([]);
    expect(code).toBe(0);
    expect(report).toMatchObject({ version: 1, verdict: 'passed', settings: { seed: 1, lag: 'up to 800 ms late' } });
    expect(result.pods[0]?.late.count).toBeGreaterThan(20);
    expect(result.pods[0]?.late.lastAfterMs).toBeLessThan(1_400);
    expect(result.pods[0]?.timeline.exitedAtMs).toBeGreaterThan(1_450);
    expect(stderr).toMatch(/pod-1 begins to be stopped \(hook: none\)[\s\S]*PASSED, 0 lost/);
  });

  it('because the kubelet sleeps for it', async () => {
    const { code, result } = await drilledService('exit', '--hook', 'sleep:1.5s', '--clients', 'new-connection');
    expect(result.losses).toEqual([]);
    expect(code).toBe(0);
    expect(result.pods[0]?.timeline.sigtermAtMs).toBeGreaterThan(1_490);
  });

  it('with all that may happen beside it', async () => {
    const upload = 'POST /upload {"a":1}';
    const faults = [
      ...['silent-connection', 'half-head', 'pipelined', 'aborting-caller', 'deaf-caller', 'frozen-process'],
      ...[`slow-upload=${upload}`, `expect-continue=${upload}`, 'open-stream=GET /events'],
    ].flatMap((fault) => ['--fault', fault]);
    const { result } = await drilledService('serve', '-e', 'SERVE_MS=2500', '--lag', '600ms', ...faults);
    expect(result.losses).toEqual([]);
    expect(outcomes(result)).toMatchObject({
      'fault:silent-connection': 'pass',
      'fault:half-head': 'pass',
      'fault:slow-upload': 'pass',
      'fault:expect-continue': 'pass',
      'fault:open-stream': 'pass',
    });
    // It says close to the first of three pipelined requests, and Node hangs up on the others.
    expect(outcomes(result)['fault:pipelined']).toBe('fail');
  });

  it('and is asked over TLS by the kubelet as well', async () => {
    const asked = ['--insecure', '--ready', 'https:PORT:/', '--hook', 'https:/', '--clients', 'new-connection'];
    const { result } = await drilled([...asked, '--lag', '0'], ['node', fixture('tls.mjs')]);
    expect(result.pods[0]?.timeline.hook?.status).toBe(200);
    expect(outcomes(result)).toMatchObject({ hook: 'pass' });
  });

  it('and whose port stands in its code', async () => {
    const { code, result } = await drilled(
      ['--port', '3000', '--clients', 'new-connection'],
      ['node', fixture('fixed-port.mjs')],
    );
    expect(result.losses).toEqual([]);
    expect(code).toBe(0);
    expect(result.pods[0]?.target).not.toBe('127.0.0.1:3000');
  });
});

describe('the pair of manifest and service', () => {
  const manifest = (preStop: string) => `apiVersion: apps/v1
kind: Deployment
metadata: { name: orders }
spec:
  template:
    spec:
      terminationGracePeriodSeconds: 7
      containers:
        - name: orders
          image: orders:1
          ports: [{ name: http, containerPort: 3000 }]
          env: [{ name: PORT, value: "3000" }, { name: ON_STOP, value: serve }, { name: SERVE_MS, value: "0" }]
          readinessProbe: { httpGet: { port: http, path: / } }
          lifecycle: { preStop: ${preStop} }
`;

  it('is what is drilled', async () => {
    const cwd = folder({ 'k8s.yaml': manifest('{ sleep: { seconds: 2 } }') });
    const options = ['-m', join(cwd, 'k8s.yaml'), '--clients', 'new-connection'];
    const { code, result, report, stderr } = await drilled(options, ['node', fixture('service.mjs')]);
    expect(result.losses).toEqual([]);
    expect(code).toBe(0);
    expect(report.settings.graceSeconds).toBe(7);
    expect(report.services[0]?.hook).toBe('sleep 2 s');
    expect(stderr).toContain('manifest: Deployment/orders, container orders');
  });

  it('fails when the hook asks where nobody listens', async () => {
    const cwd = folder({ 'k8s.yaml': manifest('{ httpGet: { port: 9090, path: /prestop } }') });
    const { code, result } = await drilled(['-m', join(cwd, 'k8s.yaml')], ['node', fixture('service.mjs')]);
    expect(code).toBe(1);
    expect(result.checks.find(({ id }) => id === 'hook')).toMatchObject({
      outcome: 'fail',
      detail: 'pod-1: ECONNREFUSED; the kubelet went on to SIGTERM at once',
    });
  });

  it('fails when the hook asks for what the service does not know', async () => {
    const cwd = folder({ 'k8s.yaml': manifest('{ httpGet: { port: http, path: /prestop } }') });
    const { code, result } = await drilled(['-m', join(cwd, 'k8s.yaml')], ['node', fixture('service.mjs')]);
    expect(code).toBe(1);
    expect(result.checks.find(({ id }) => id === 'hook')?.detail).toMatch(
      /status 404, which the kubelet takes for success/,
    );
  });
});

describe('outputs', () => {
  it('are JUnit and a page, and two services side by side, of which the first decides', async () => {
    const cwd = folder();
    const files = ['--junit', join(cwd, 'out/drill.xml'), '--html', join(cwd, 'out/drill.html')];
    const other = `node "${fixture('service.mjs')}" other`;
    const { code, report } = await drilledService(
      'serve',
      ...files,
      '--compare',
      other,
      '--compare-hook',
      'sleep:100ms',
    );
    expect(code).toBe(0);
    expect(report.services.map(({ title, hook }) => [title.endsWith(' other'), hook])).toEqual([
      [false, 'none'],
      [true, 'sleep 100 ms'],
    ]);
    expect(readFileSync(join(cwd, 'out/drill.xml'), 'utf8')).toContain('failures="0"');
    expect(readFileSync(join(cwd, 'out/drill.html'), 'utf8')).toContain('Side by side');
  });

  it('are there though the other service cannot be asked for a fault that was named', async () => {
    const body = "requestBody: { content: { 'application/json': { example: { a: 1 } } } }";
    const api = `openapi: 3.0.0\npaths: { /: { get: {} }, /upload: { post: { ${body} } } }\n`;
    const asked = [
      '--openapi',
      join(folder({ 'api.yaml': api }), 'api.yaml'),
      '--all-methods',
      '--fault',
      'slow-upload',
    ];
    const reads = "require('node:http').createServer((q, r) => r.writeHead(q.method === 'GET' ? 200 : 405).end())";
    const other = `node -e "${reads}.listen(process.env.PORT)"`;
    const { report } = await drilledService('serve', ...asked, '--compare', other);
    expect(report.services.map(({ leftOut }) => leftOut)).toEqual([
      [],
      [
        expect.stringContaining('POST /upload'),
        'slow-upload needs a request with a body, and none that was found works',
      ],
    ]);
  });

  it('have no value of a query in them', async () => {
    const cwd = folder();
    const files = ['--junit', join(cwd, 'drill.xml'), '--html', join(cwd, 'drill.html')];
    const asked = ['-r', 'GET /?page=1&token=secret', '--hook', 'PORT:/?token=secret', ...files];
    const { result, report, stderr } = await drilledService('exit', ...asked);
    expect(result.tally.lost[0]?.path).toBe('/?page=…&token=…');
    expect(report.services[0]?.hook).toBe('GET /?token=…');
    const printed = ['drill.xml', 'drill.html'].map((name) => readFileSync(join(cwd, name), 'utf8'));
    for (const text of [...printed, JSON.stringify(report), stderr]) {
      expect(text).toContain('token=…');
      expect(text).not.toContain('secret');
    }
    expect(terminalReport(report, { colours: false })).not.toContain('secret');
    const dry = await prestop(['drill', ...asked, '--ready', '/?token=secret', '--dry-run', '--', 'x']);
    expect(dry.stdout).toContain('token=…');
    expect(dry.stdout).not.toContain('secret');
  });

  it('name the schedule, which is the one that a dry run shows', async () => {
    const { report } = await drilledService('exit', '--seed', '42', '--lag', '200ms');
    const line = [
      'drill',
      '--callers',
      '20',
      '--think',
      '20ms',
      '--lag',
      '200ms',
      '--seed',
      '42',
      '--dry-run',
      '--',
      'x',
    ];
    const dry = await prestop(line);
    expect(dry.stdout).toMatch(new RegExp(`^schedule +seed 42, ${report.settings.schedule}$`, 'm'));
    expect((await prestop(line)).stdout).toBe(dry.stdout);
  });
});

describe('no result', () => {
  it.each([
    [
      'a service that ends',
      [],
      ['node', fixture('broken.mjs')],
      /ended with exit code 3 before it was ready[\s\S]*the database is not there/,
    ],
    ['a program that is not there', [], ['no-such-program'], /cannot start no-such-program/],
    [
      'a service that is never ready',
      ['--start-timeout', '300ms', '--ready', '/unavailable'],
      ['node', fixture('service.mjs')],
      /was not ready after 300 ms \(--start-timeout\): no 2xx or 3xx from GET \/unavailable on \d+/,
    ],
    [
      'a service that is asked without the TLS that it speaks',
      [],
      ['node', fixture('tls.mjs')],
      /GET \/ fails: [\s\S]*it speaks TLS: --ca FILE trusts its certificate, --insecure any/,
    ],
    [
      'a service that is asked over TLS and speaks none',
      ['--insecure'],
      ['node', fixture('service.mjs')],
      /GET \/ fails: [\s\S]*it speaks no TLS: leave out --ca and --insecure/,
    ],
    [
      'a service that speaks HTTP/2 only',
      [],
      ['node', fixture('http2.mjs')],
      /GET \/ fails: [\s\S]*the wrong version of HTTP: --clients http2/,
    ],
    [
      'a route that is not there',
      ['-r', 'GET /nowhere'],
      ['node', fixture('service.mjs')],
      /GET \/nowhere answers 404/,
    ],
    [
      'a case that needs a hook',
      ['--case', 'hook-only', '--hook', 'none'],
      ['node', fixture('service.mjs')],
      /hook-only cannot be played without a hook, and the service has none\n {2}--hook names one/,
    ],
    [
      'cases of which one was named that cannot be played',
      ['--case', 'rolling,redelivered', '--case', 'all'],
      ['node', fixture('service.mjs')],
      /^prestop drill: redelivered cannot be played without a hook/,
    ],
    [
      'faults that cannot connect',
      ['--fault', 'open-stream=GET /events', '-r', 'GET /events', '--timeout', '2s'],
      ['node', fixture('service.mjs')],
      /a stream without an end is for --fault open-stream/,
    ],
  ])('%s', { timeout: 40_000 }, async (_, options, command, message) => {
    const { code, stdout, stderr } = await prestop(['drill', '--quiet', ...options, '--', ...command]);
    expect(stderr).toMatch(message);
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
  });
});

describe('no result in JUnit', () => {
  it('is an error, in place of the result of an earlier drill', async () => {
    const cwd = folder({ 'drill.xml': '<testsuites failures="0"/>' });
    const { code } = await prestop(['drill', '--junit', 'drill.xml', '--', 'no-such-program'], { cwd });
    expect(code).toBe(3);
    const xml = readFileSync(join(cwd, 'drill.xml'), 'utf8');
    expect(xml).toContain('tests="1" failures="0" errors="1" skipped="0"');
    expect(xml).toMatch(/<error type="ERR_PRESTOP_DRILL_SERVICE" message="cannot start no-such-program/);
  });
});

describe.runIf(process.platform === 'linux')('a service that listens elsewhere', () => {
  it('is told where', { timeout: 40_000 }, async () => {
    const options = ['--quiet', '--start-timeout', '1500ms', '--port', '3000'];
    const { code, stderr } = await prestop(['drill', ...options, '--', 'node', fixture('elsewhere.mjs')]);
    expect(stderr).toMatch(
      /port \d+ accepts no connection[\s\S]*it listens on (\d+) instead: -p \1 gives it a free port/,
    );
    expect(code).toBe(3);
  });
});

describe('files that cannot be written', () => {
  it('are known before anything is drilled', async () => {
    const cwd = folder({ 'drill.html/keep': '', file: '' });
    for (const [path, why] of [
      ['drill.html', 'cannot write drill.html: is a directory'],
      ['file/drill.html', 'cannot write file/drill.html:'],
    ] as const) {
      const { code, stderr } = await prestop(['drill', '--html', path, '--', 'no-such-program'], { cwd });
      expect(stderr).toContain(why);
      expect(code).toBe(3);
    }
  });
});

describe('the token of the admin server', () => {
  it('is sent with the hook', { timeout: 40_000 }, async () => {
    const { code, result } = await drilled(['-e', 'PRESTOP_TOKEN=a-long-secret'], ['node', fixture('prestop.mjs')]);
    expect(outcomes(result)).toMatchObject({ answered: 'pass', hook: 'pass' });
    expect(result.pods[0]?.timeline.hook?.status).toBe(200);
    expect(code).toBe(0);
  });
});

describe('usage', () => {
  it.each([
    [[], 'there is no command to drill'],
    [['server.js'], 'the command comes after --'],
    [['--lag', 'often', '--', 'x'], '--lag must be one of 2s, fixed:2s'],
    [['--case', 'roling', '--', 'x'], 'did you mean rolling?'],
    [['--fault', 'haf-head', '--', 'x'], 'did you mean half-head?'],
    [['--fault', 'slow-upload', '--', 'x'], `--fault 'slow-upload=POST /orders`],
    [['--fault', 'open-stream', '--', 'x'], `--fault 'open-stream=GET /events'`],
    [['--fault', 'registry-outage', '--', 'x'], '--fault registry-outage needs --registry'],
    [['--fault', 'registry-outage=GET /', '--', 'x'], '--fault registry-outage needs --registry'],
    [['--fault', 'slow-upload=POST /orders', '--', 'x'], '--fault slow-upload needs a request with a body'],
    [['--request', 'FETCH /', '--', 'x'], '--request "FETCH /" is no request'],
    [['--port', 'a b', '--', 'x'], '--port must be a setting, a number or SETTING=NUMBER'],
    [
      ['--hook', 'prestop', '--', 'x'],
      '--hook must be /path, PORT:/path, https:PORT:/path, sleep:5s or none, not "prestop"',
    ],
    [
      ['--hook', 'https://:9090/', '--', 'x'],
      'must be /path, PORT:/path, https:PORT:/path, sleep:5s or none, not "https:',
    ],
    [['--hook', 'https:9999:/', '--', 'x'], 'there is no port "9999"'],
    [['--hook', '9999:/prestop', '--', 'x'], 'there is no port "9999"'],
    [['--hook', 'sleep:long', '--', 'x'], '--hook must be a duration (500ms, 2s, 1.5m), not "long"'],
    [['--hook', 'sleep:31s', '--', 'x'], '--hook must not sleep longer than the grace period of 30 s, not "sleep:31s"'],
    [['--ready', 'healthz', '--', 'x'], '--ready must be /path, PORT:/path, https:PORT:/path or tcp, not "healthz"'],
    [['--port', '70000', '--', 'x'], '--port must have a number from 1 to 65535, not "70000"'],
    [['--case', 'all,roling', '--', 'x'], 'did you mean rolling?'],
    [['--timeout', '0', '--', 'x'], '--timeout must be 1ms or more, not "0"'],
    [['--max-exit', '0s', '--', 'x'], '--max-exit must be 1ms or more, not "0s"'],
    [['--grace', '-1', '--', 'x'], '--grace must be a whole number from 0 to 86400, not "-1"'],
    [['--think', 'long', '--', 'x'], '--think must be a duration'],
    [['--env', 'PORT', '--', 'x'], '--env must be NAME=VALUE'],
    [['--header', 'Accept', '--', 'x'], `--header must be 'Name: value'`],
    [['--clients', 'curl', '--', 'x'], '--clients must be one of node, undici, new-connection, http2'],
    [['--registry', 'consul', '--', 'x'], '--registry must be file:SETTING'],
    [['--har', 'nowhere.har', '--', 'x'], '--har: cannot read nowhere.har: no such file or directory'],
    [['--container', 'app', '--', 'x'], 'need a --manifest'],
    [['--stop-signal', 'SIGSTOPP', '--', 'x'], '--stop-signal must be a signal of this machine, not "SIGSTOPP"'],
    [['--allow-exec', '--', 'x'], 'need a --manifest'],
    [['--all-methods', '--', 'x'], '--all-methods needs --har or --openapi'],
    [['--compare', '"', '--', 'x'], 'is no command'],
    [['--compare-hook', 'none', '--', 'x'], 'needs --compare'],
    [['--callers', '0', '--', 'x'], '--callers must be a whole number from 1'],
  ])('%j', async (line, message) => {
    const { code, stdout, stderr } = await prestop(['drill', ...line]);
    expect(stderr).toContain(message);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });

  it('takes the requests of a recording and of a document, and leaves out what does not work', async () => {
    const entry = (url: string) => ({ request: { method: 'GET', url, headers: [] }, response: { status: 200 } });
    const cwd = folder({
      'a.har': JSON.stringify({ log: { entries: [entry('https://a.example/slow'), entry('https://a.example/gone')] } }),
      'api.yaml': 'openapi: 3.0.0\npaths: { /stream: { get: {} }, /upload: { post: {} } }\n',
    });
    const { report } = await drilledService('serve', '--har', join(cwd, 'a.har'), '--openapi', join(cwd, 'api.yaml'));
    expect(report.settings.requests.map(({ request }) => request)).toEqual(['GET /slow', 'GET /gone', 'GET /stream']);
    expect(report.services[0]?.leftOut).toEqual(['GET /gone answers 404']);
    const asked = await drilledService('serve', '-r', 'GET /slow', '-r', 'GET /stream');
    // The fingerprint of what was sent.
    expect(report.settings.schedule).toBe(asked.report.settings.schedule);
  });
});
