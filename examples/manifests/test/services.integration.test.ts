import { join } from 'node:path';
import { DEFAULTS, TOKEN_HEADER } from '@prestop/core';
import { freePort, reportOf, type Service, startService, terminatePod } from '@prestop/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { EXAMPLES, YAML_FILES } from './support/files.ts';
import type { Container, IDeployment } from './support/objects.ts';

/** Those that start without the server of a registry. */
const SERVICES = ['express-file', 'node-http', 'cluster', 'frameworks'];

const TOKEN = 'fe0c2d6ab1f94c0e';

function podOf(name: string) {
  const file = YAML_FILES.find((each) => each.name === `${name}/deployment.yaml`);
  return (file?.documents[0] as IDeployment | undefined)?.spec?.template.spec;
}

interface Running {
  readonly service: Service;
  readonly admin: string;
  readonly adminPort: number;
  readonly gracePeriodSeconds: number;
  readonly container: Container;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** The container of the manifest as a process, but for the ports, which may be taken on this machine. */
async function start(example: string, more: Readonly<Record<string, string>> = {}): Promise<Running> {
  const spec = podOf(`${example}/k8s/base`);
  const [container] = spec?.containers ?? [];
  if (container === undefined) throw new Error(`examples/${example} has no manifest`);
  const [port, adminPort] = [await freePort(), await freePort()];
  const settings = (container.env ?? []).map(({ name, value }) => [name, value ?? '127.0.0.1']);
  const env = { ...Object.fromEntries(settings), PORT: `${port}`, ADMIN_PORT: `${adminPort}`, ...more };
  const [, file = ''] = container.command ?? [];
  const cwd = join(EXAMPLES, example);
  const service = await startService({ file, cwd, env });
  onTestFinished(async () => void (await service.kill()));
  const admin = `http://127.0.0.1:${adminPort}`;
  await service.waitForHttp(`${admin}${container.startupProbe?.httpGet?.path}`);
  await service.waitForHttp(`${admin}${container.readinessProbe?.httpGet?.path}`);
  const gracePeriodSeconds = spec?.terminationGracePeriodSeconds ?? Number.NaN;
  return { service, admin, adminPort, gracePeriodSeconds, container, cwd, env };
}

it('express-file starts with its manifest, and the hook drains it for kube-proxy', async () => {
  const { service, adminPort, container, gracePeriodSeconds } = await start('express-file');
  const preStop = { port: adminPort, path: container.lifecycle?.preStop?.httpGet?.path ?? '' };
  const timeline = await terminatePod(service, { gracePeriodSeconds, preStop });
  expect(timeline.exit).toEqual({ code: 0, signal: null });
  expect(timeline.totalMs).toBeGreaterThan(DEFAULTS.endpointsSettleMs);
  expect(timeline.totalMs).toBeLessThan(DEFAULTS.endpointsSettleMs + 3_000);
});

it.each(SERVICES)(
  '%s with a token: a bare call changes nothing, the command of the hook drains it',
  async (example) => {
    const { service, admin, gracePeriodSeconds, cwd, env } = await start(example, { PRESTOP_TOKEN: TOKEN });
    for (const headers of [{}, { [TOKEN_HEADER]: 'another one' }]) {
      expect((await fetch(`${admin}/prestop`, { headers })).status).toBe(403);
    }
    expect((await fetch(`${admin}/readyz`)).status).toBe(200);

    const { lifecycle } = podOf(`${example}/k8s/overlays/token`)?.containers[0] ?? {};
    const command = lifecycle?.preStop?.exec?.command as [string, ...string[]];
    const timeline = await terminatePod(service, { gracePeriodSeconds, preStop: { command, cwd, env } });
    expect(timeline.hook?.error).toBeUndefined();
    expect(timeline.exit).toEqual({ code: 0, signal: null });
    expect(reportOf(service)).toMatchObject({ outcome: 'clean', trigger: { kind: 'prestop' } });
    expect(service.lines.filter(({ text }) => text.includes(TOKEN))).toEqual([]);
  },
);
