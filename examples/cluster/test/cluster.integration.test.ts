import { fileURLToPath } from 'node:url';
import { freePort, reportOf, type Service, startCallers, startService, terminatePod } from '@prestop/testkit';
import { expect, it } from 'vitest';

const GRACE_SECONDS = 30;

interface Running {
  readonly service: Service;
  readonly port: number;
  readonly reportsPort: number;
  readonly adminPort: number;
}

async function start(script: string): Promise<Running> {
  const [port, reportsPort, adminPort] = [await freePort(), await freePort(), await freePort()];
  const service = await startService({
    file: fileURLToPath(new URL(`../dist/${script}`, import.meta.url)),
    env: { PORT: String(port), REPORTS_PORT: String(reportsPort), ADMIN_PORT: String(adminPort) },
  });
  await service.waitForHttp(`http://127.0.0.1:${adminPort}/readyz`);
  return { service, port, reportsPort, adminPort };
}

/** Calls `ports`, terminates, and calls on until discovery has said for a second that the pod is gone. */
async function terminateUnderLoad({ service, adminPort }: Running, ports: readonly number[]) {
  let listed = ports.map((port) => `127.0.0.1:${port}`);
  const callers = startCallers({ discover: async () => listed, requests: [{ path: '/' }], lagMs: 1_000, count: 8 });
  try {
    await callers.waitForAnswered(100);
    const preStop = { port: adminPort, path: '/prestop' };
    const ended = terminatePod(service, { gracePeriodSeconds: GRACE_SECONDS, preStop });
    listed = [];
    const timeline = await ended;
    return { timeline, tally: await callers.stop(), report: reportOf(service) };
  } finally {
    await callers.stop();
    await service.kill();
  }
}

it('loses nothing with two processes, closes their pools and exits clean', async () => {
  const running = await start('server.js');
  const { timeline, tally, report } = await terminateUnderLoad(running, [running.port]);
  expect(tally.lostCount, JSON.stringify(tally.lost.slice(0, 3))).toBe(0);
  expect(timeline.exit).toEqual({ code: 0, signal: null });
  expect(report).toMatchObject({ outcome: 'clean', workers: [{ outcome: 'ended' }, { outcome: 'ended' }] });
  const closed = running.service.lines.filter(({ text }) => /^the pool of \d+ is closed$/.test(text));
  expect(closed).toHaveLength(2);
});

it('loses nothing with a thread beside the main one, and exits clean', async () => {
  const running = await start('server-threads.js');
  const { timeline, tally, report } = await terminateUnderLoad(running, [running.port, running.reportsPort]);
  expect(tally.lostCount, JSON.stringify(tally.lost.slice(0, 3))).toBe(0);
  expect(timeline.exit).toEqual({ code: 0, signal: null });
  expect(report).toMatchObject({ outcome: 'clean', workers: [{ kind: 'thread', outcome: 'ended' }] });
});

it('replaces a worker that dies while the service is ready', async () => {
  const { service, port, adminPort } = await start('server.js');
  try {
    const first = /\d+/.exec(await (await fetch(`http://127.0.0.1:${port}/`)).text())?.[0];
    process.kill(Number(first), 'SIGKILL');
    await expect
      .poll(() => fetch(`http://127.0.0.1:${port}/`).then((answer) => answer.ok), { timeout: 5_000 })
      .toBe(true);
    await service.waitForHttp(`http://127.0.0.1:${adminPort}/readyz`);
    await service.waitForLine(/"worker":3.*"to":"ready"/);
  } finally {
    await service.kill();
  }
});
