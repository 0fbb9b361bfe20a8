import { type Service, startProbes, startService, terminatePod } from '@prestop/testkit';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { fixture, portOf } from './fixtures/index.ts';

const started: Service[] = [];
afterEach(async () => {
  await Promise.all(started.splice(0).map((service) => service.kill()));
});

async function pod(env: Record<string, string> = {}): Promise<{ service: Service; port: number }> {
  const service = await startService({ file: fixture('service.mjs'), env });
  started.push(service);
  return { service, port: await portOf(service) };
}

interface SeenHook {
  readonly url: string;
  readonly raw: readonly string[];
  readonly socket: number;
}

function seenHooks(service: Service): SeenHook[] {
  const lines = service.lines.filter((line) => line.text.startsWith('hook {'));
  return lines.map((line) => JSON.parse(line.text.slice('hook '.length)));
}

/** A timer is never early, and a busy machine makes it late. */
function expectFrom(ms: number | undefined, leastMs: number): void {
  expect(ms).toBeGreaterThan(leastMs - 5);
  expect(ms).toBeLessThan(leastMs + 300);
}

describe('terminatePod', () => {
  it('sends the hook as the kubelet does, waits for its body, then signals at once', async () => {
    const { service, port } = await pod({ HOOK_MS: '300' });
    const preStop = { port, path: '//prestop?x=1', headers: { 'X-Token': 'secret' } };
    const timeline = await terminatePod(service, { gracePeriodSeconds: 10, preStop });
    expect(timeline.hook).toMatchObject({ status: 200, body: 'drained' });
    const { endedAtMs = 0 } = timeline.hook ?? {};
    const { sigtermAtMs = 0, exitedAtMs = 0 } = timeline;
    expect(endedAtMs).toBeGreaterThan(295);
    expect(sigtermAtMs - endedAtMs).toBeLessThan(300);
    expect(exitedAtMs).toBeGreaterThan(sigtermAtMs);
    expect(timeline).toMatchObject({ killed: false, exit: { code: 0, signal: null }, totalMs: exitedAtMs });
    expect(seenHooks(service)).toMatchObject([
      {
        url: '//prestop?x=1',
        raw: `User-Agent kube-lifecycle/1.34 Accept */* Accept-Encoding gzip X-Token secret Host 127.0.0.1:${port}`.split(
          ' ',
        ),
      },
    ]);
  });

  it('kills what ignores the signal, after the grace period less the hook, in whole seconds', async () => {
    const { service, port } = await pod({ HOOK_MS: '1200', ON_SIGTERM: 'ignore' });
    const preStop = { port, path: '/prestop' };
    const timeline = await terminatePod(service, { gracePeriodSeconds: 4, preStop });
    expect(timeline).toMatchObject({ killed: true, exit: { code: null, signal: 'SIGKILL' } });
    expectFrom(timeline.totalMs, 4200);
  });

  it('does not cancel a hook that outlasts the grace period, and grants 2 s more', async () => {
    const { service, port } = await pod({ HOOK_MS: 'never', ON_SIGTERM: 'ignore' });
    const preStop = { port, path: '/prestop' };
    const timeline = await terminatePod(service, { gracePeriodSeconds: 1, preStop });
    expectFrom(timeline.sigtermAtMs, 1000);
    expectFrom(timeline.totalMs, 3000);
    expect(timeline).toMatchObject({ killed: true, hook: { status: 200, endedAtMs: expect.any(Number) } });
    expect(service.lines.map((line) => line.text)).not.toContain('hook connection closed');
  });

  it('sleeps by itself, and the container hears nothing', async () => {
    const { service } = await pod();
    const timeline = await terminatePod(service, { gracePeriodSeconds: 10, preStop: { sleepSeconds: 0.4 } });
    expectFrom(timeline.sigtermAtMs, 400);
    expect(timeline.hook).toEqual({ startedAtMs: expect.any(Number), endedAtMs: expect.any(Number) });
    expect(timeline.exit?.code).toBe(0);
  });

  it('runs a command, and any exit code but 0 brings the signal at once', async () => {
    const script = (code: number) => `setTimeout(() => process.exit(${code}), 200)`;
    for (const code of [0, 3]) {
      const { service } = await pod();
      const preStop = { command: [process.execPath, '-e', script(code)] } as const;
      const timeline = await terminatePod(service, { gracePeriodSeconds: 10, preStop });
      expect(timeline.sigtermAtMs).toBeGreaterThan(195);
      expect(timeline.hook?.error).toBe(code === 0 ? undefined : 'exit 3');
    }
  });

  it('ends a command that outlasts its container', async () => {
    const { service } = await pod();
    const preStop = { command: [process.execPath, '-e', 'setInterval(() => {}, 1000)'] } as const;
    const timeline = await terminatePod(service, { gracePeriodSeconds: 1, preStop });
    expect(timeline).toMatchObject({ exit: { code: 0 }, hook: { startedAtMs: expect.any(Number) } });
    expectFrom(timeline.sigtermAtMs, 1000);
  });

  it('signals at once when the hook is refused', async () => {
    const { service } = await pod();
    const preStop = { port: 1, path: '/prestop' };
    const timeline = await terminatePod(service, { gracePeriodSeconds: 10, preStop });
    expect(timeline.hook).toMatchObject({ error: 'ECONNREFUSED' });
    expect(timeline.sigtermAtMs).toBeLessThan(300);
    expect(timeline.exit?.code).toBe(0);
  });

  it('takes any status for success and follows a redirect within the host', async () => {
    const { service, port } = await pod({ HOOK_STATUS: '503' });
    const preStop = { port, path: '/redirect' };
    const timeline = await terminatePod(service, { gracePeriodSeconds: 10, preStop });
    expect(timeline.hook).toMatchObject({ status: 503, body: 'drained' });
    expect(seenHooks(service).map((hook) => hook.url)).toEqual(['/prestop?again']);
  });

  it('falls back to HTTP, without Authorization, when HTTPS is answered in plain text', async () => {
    const { service, port } = await pod();
    const headers = { Authorization: 'Bearer secret', 'X-Token': 'kept' };
    const preStop = { port, path: '/prestop', scheme: 'HTTPS', headers } as const;
    const timeline = await terminatePod(service, { gracePeriodSeconds: 10, preStop });
    expect(timeline.hook).toMatchObject({ status: 200 });
    expect(seenHooks(service)[0]?.raw).toContain('kept');
    expect(seenHooks(service)[0]?.raw).not.toContain('Authorization');
  });

  it('delivers twice at once, over two connections', async () => {
    const { service, port } = await pod({ HOOK_MS: '200' });
    const preStop = { port, path: '/prestop' };
    const timeline = await terminatePod(service, { gracePeriodSeconds: 10, preStop, redelivery: 'at-once' });
    expect(timeline.hooks).toMatchObject([{ status: 200 }, { status: 200 }]);
    expect(new Set(seenHooks(service).map((hook) => hook.socket)).size).toBe(2);
  });

  it('delivers again after the answer, over the connection that is kept alive', async () => {
    const { service, port } = await pod({ HOOK_MS: '50' });
    const preStop = { port, path: '/prestop' };
    const timeline = await terminatePod(service, { gracePeriodSeconds: 10, preStop, redelivery: 'after-answer' });
    expect(timeline.hooks).toMatchObject([{ status: 200 }, { status: 200 }]);
    const sockets = seenHooks(service).map((hook) => hook.socket);
    expect(sockets[0]).toBe(sockets[1]);
  });

  it('breaks the connection of the hook when the kubelet restarts', async () => {
    const { service, port } = await pod({ HOOK_MS: '600' });
    const preStop = { port, path: '/prestop' };
    const redelivery = { kubeletRestartAfterMs: 200 };
    const timeline = await terminatePod(service, { gracePeriodSeconds: 10, preStop, redelivery });
    expect(timeline.hooks).toMatchObject([{ error: 'CUT' }, { status: 200 }]);
    expectFrom(timeline.sigtermAtMs, 800);
  });

  it('leaves the process alone after a hook without signal', async () => {
    const { service, port } = await pod({ HOOK_MS: '50' });
    const preStop = { port, path: '/prestop' };
    const timeline = await terminatePod(service, { gracePeriodSeconds: 10, preStop, stopSignal: 'none' });
    expect(timeline).toMatchObject({ hook: { status: 200 }, killed: false });
    expect(service.running).toBe(true);
  });

  it.runIf(process.platform !== 'win32')('sends another stop signal', async () => {
    const { service } = await pod();
    const timeline = await terminatePod(service, { gracePeriodSeconds: 5, stopSignal: 'SIGUSR2' });
    expect(timeline.exit).toEqual({ code: 7, signal: null });
  });
});

describe('startProbes', () => {
  it('probes as the kubelet does, and stops liveness at the deletion', async () => {
    const { service, port } = await pod({ HOOK_MS: '300' });
    const probes = startProbes(service, {
      liveness: { port, path: '/probe/live' },
      readiness: { port, path: '/probe/ready', headers: { 'X-Probe': 'yes' } },
      periodSeconds: 0.05,
    });
    expect([probes.liveness.passing, probes.readiness.passing]).toEqual([true, false]);
    await vi.waitFor(() => expect(probes.readiness.passing).toBe(true));
    const seen = await fetch(`http://127.0.0.1:${port}/seen`).then((response) => response.json());
    expect(seen).toContainEqual({
      url: '/probe/ready',
      raw: `User-Agent kube-probe/1.34 Accept */* Connection close X-Probe yes Host 127.0.0.1:${port}`.split(' '),
    });
    const sent = { liveness: probes.liveness.sent, readiness: probes.readiness.sent };
    await terminatePod(service, { gracePeriodSeconds: 5, preStop: { port, path: '/prestop' }, probes });
    expect(probes.liveness.sent).toBe(sent.liveness);
    expect(probes.readiness.sent).toBeGreaterThan(sent.readiness + 3);
    const sentAtEnd = probes.readiness.sent;
    await new Promise((resolve) => setTimeout(resolve, 120));
    expect(probes.readiness.sent).toBe(sentAtEnd);
  });

  it('is not passing after three failures in a row, and tells of each', async () => {
    const { service, port } = await pod();
    const results: (number | undefined)[] = [];
    const probes = startProbes(service, {
      liveness: { port, path: '/probe/bad' },
      periodSeconds: 0.05,
      onResult: (result) => results.push(result.status),
    });
    await vi.waitFor(() => expect(probes.liveness.passing).toBe(false));
    probes.stop();
    expect(results.slice(0, 3)).toEqual([503, 503, 503]);
  });

  it('only connects where no path is given', async () => {
    const { service, port } = await pod();
    const probes = startProbes(service, { readiness: { port }, liveness: { port: 1 }, periodSeconds: 0.05 });
    await vi.waitFor(() => expect(probes.readiness.last).toMatchObject({ ok: true }));
    await vi.waitFor(() => expect(probes.liveness.last).toMatchObject({ ok: false, error: 'ECONNREFUSED' }));
    probes.stop();
  });

  it('has one under way at the most', async () => {
    const { service, port } = await pod({ HOOK_MS: '300' });
    const sentByFirstAnswer = await new Promise<number>((resolve) => {
      const probes = startProbes(service, {
        liveness: { port, path: '/prestop' },
        periodSeconds: 0.02,
        onResult: () => resolve(probes.liveness.sent),
      });
    });
    expect(sentByFirstAnswer).toBe(1);
  });

  it('fails a probe that nobody answers in time', async () => {
    const { service, port } = await pod({ HOOK_MS: '5000' });
    const probes = startProbes(service, { liveness: { port, path: '/prestop' }, timeoutSeconds: 0.1 });
    await vi.waitFor(() => expect(probes.liveness.last).toMatchObject({ ok: false, error: 'ETIMEDOUT' }));
    probes.stop();
  });
});
