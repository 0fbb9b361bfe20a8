import { fileURLToPath } from 'node:url';
import { freePort, startService, terminatePod } from '@prestop/testkit';
import { describe, expect, it } from 'vitest';

describe('the example without framework and registry', () => {
  it('serves, drains for the endpoints alone, closes in order and exits clean', async () => {
    const [port, adminPort] = [await freePort(), await freePort()];
    const service = await startService({
      file: fileURLToPath(new URL('../dist/server.js', import.meta.url)),
      env: { PORT: String(port), ADMIN_PORT: String(adminPort) },
    });
    await service.waitForHttp(`http://127.0.0.1:${adminPort}/readyz`);
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('hello\n');

    const timeline = await terminatePod(service, {
      gracePeriodSeconds: 30,
      preStop: { port: adminPort, path: '/prestop' },
    });

    expect(timeline.exit).toEqual({ code: 0, signal: null });
    expect(timeline.hook?.endedAtMs).toBeGreaterThan(5_000);
    const said = service.lines.map(({ text }) => text);
    expect(said.indexOf('the pool is closed')).toBeGreaterThan(0);
    expect(said.indexOf('telemetry is flushed')).toBeGreaterThan(said.indexOf('the pool is closed'));
  });
});
