import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { EXIT_CODES, type TerminationReport } from '@prestop/core';
import { openRaw, reportOf, type Service, startService } from '@prestop/testkit';
import { describe, expect, it } from 'vitest';
import { get } from './fixtures/messages.ts';
import { withPod } from './fixtures/pod.ts';

const REPEATS = 5;
const file = (name: string): string => fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url));

/** Why there can be no PID namespace here; `undefined` where there can be. */
function whyNot(): string | undefined {
  if (process.platform !== 'linux') return `PID namespaces exist on Linux only, this is ${process.platform}`;
  if (process.getuid?.() !== 0) return 'making a PID namespace takes root';
  const { status, stderr, error } = spawnSync('unshare', ['--pid', '--fork', '--mount-proc', 'true'], {
    encoding: 'utf8',
  });
  if (error) return `unshare cannot be run: ${error.message}`;
  return status === 0 ? undefined : `unshare failed: ${stderr.trim()}`;
}

const missing = whyNot();
if (missing !== undefined) console.warn(`SKIPPED, the service as PID 1: ${missing}`);

const OPTIONS = JSON.stringify({ floorMs: 0, quiet: { minMs: 100, maxMs: 100 } });

async function withNamespace(
  command: readonly string[],
  use: (service: Service, pid: number) => Promise<void>,
): Promise<void> {
  const service = await startService({
    file: file('in-pid-namespace.mjs'),
    args: command,
    env: { OPTIONS, npm_lifecycle_event: undefined },
  });
  let pid = 0;
  try {
    const { text } = await service.waitForLine(/^pid \d+$/);
    pid = Number(text.slice('pid '.length));
    await use(service, pid);
  } finally {
    // The launcher cannot be killed first: what it launched would be left behind.
    if (service.running && pid > 0) process.kill(pid, 'SIGKILL');
    await service.exited;
  }
}

const portOf = async (service: Service): Promise<number> =>
  JSON.parse((await service.waitForLine(/^ready /)).text.slice('ready '.length)).port;

const warningsOf = (service: Service): readonly { code: string; message: string }[] =>
  service.lines.filter(({ text }) => text.includes('"event":"warning"')).map(({ text }) => JSON.parse(text));

describe('the service as PID 1', () => {
  it('can be tested here, where it must be: on Linux, as root, in continuous integration', () => {
    const isDemanded = process.env['CI'] === 'true' && process.platform === 'linux' && process.getuid?.() === 0;
    expect(isDemanded ? missing : undefined).toBeUndefined();
  });

  it.skipIf(missing !== undefined)('ends cleanly on SIGTERM, the request in flight answered', async () => {
    for (let run = 1; run <= REPEATS; run++) {
      await withNamespace([process.execPath, file('service.mjs')], async (service, pid) => {
        const socket = await openRaw(await portOf(service));
        socket.write(get('/slow?ms=500'));
        await service.waitForLine(/^entered GET \/slow/);
        process.kill(pid, 'SIGTERM');
        expect((await socket.readResponse()).body, `run ${run}`).toBe('slow ');
        const { code } = await service.exited;
        expect(code, service.lines.map(({ text }) => text).join('\n')).toBe(EXIT_CODES.clean);
        const report = reportOf(service) as unknown as TerminationReport;
        expect(report).toMatchObject({ pid: 1, outcome: 'clean', trigger: { kind: 'signal', detail: 'SIGTERM' } });
        expect(warningsOf(service)).toEqual([]);
      });
    }
  });

  it.skipIf(missing !== undefined)('warns when PID 1 is a shell, which keeps the signal to itself', async () => {
    // Without the second command the shell would replace itself by the service, and be no shell any more.
    const command = `"${process.execPath}" "${file('service.mjs')}"; exit $?`;
    await withNamespace(['sh', '-c', command], async (service, pid) => {
      const socket = await openRaw(await portOf(service));
      expect(warningsOf(service)).toMatchObject([{ code: 'SHELL_IS_PID_1', level: 'warn' }]);
      process.kill(pid, 'SIGTERM');
      // What the warning is about: the service has not heard of it.
      socket.write(get('/fast'));
      expect((await socket.readResponse()).headers['connection']).toBe('keep-alive');
      expect(service.lines.some(({ text }) => text.includes('"event":"terminating"'))).toBe(false);
    });
  });

  it.skipIf(missing !== undefined)('says nothing when the shell has replaced itself', async () => {
    await withNamespace(['sh', '-c', `exec "${process.execPath}" "${file('service.mjs')}"`], async (service, pid) => {
      await portOf(service);
      expect(warningsOf(service)).toEqual([]);
      process.kill(pid, 'SIGTERM');
      expect((await service.exited).code).toBe(EXIT_CODES.clean);
    });
  });
});

describe('the service under a package manager', () => {
  it('warns, with the name of the script', async () => {
    await withPod({ env: { npm_lifecycle_event: 'start' } }, async (pod) => {
      expect(await pod.event('warning')).toMatchObject({ code: 'PACKAGE_MANAGER', level: 'warn' });
      expect(pod.output()).toContain('script \\"start\\"');
    });
  });

  it('says nothing without one', async () => {
    await withPod({}, async (pod) => {
      expect(pod.events('warning')).toEqual([]);
    });
  });
});
