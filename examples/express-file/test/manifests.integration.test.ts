import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { DEFAULTS, TOKEN_HEADER } from '@prestop/core';
import { freePort, type Service, startService, terminatePod } from '@prestop/testkit';
import { describe, expect, it } from 'vitest';
import { YAML_FILES } from '../../manifests/test/support/files.ts';
import type { IDeployment } from '../../manifests/test/support/objects.ts';

const folder = fileURLToPath(new URL('../', import.meta.url));

function deployment(name: string): IDeployment {
  return YAML_FILES.find((file) => file.name === `express-file/k8s/${name}/deployment.yaml`)
    ?.documents[0] as IDeployment;
}

const spec = deployment('base').spec?.template.spec;
const [container] = spec?.containers ?? [];
const gracePeriodSeconds = spec?.terminationGracePeriodSeconds ?? Number.NaN;
const hook = container?.lifecycle?.preStop?.httpGet;
const tokenHook = deployment('overlays/token').spec?.template.spec?.containers[0]?.lifecycle?.preStop?.exec?.command;

/** The container of the manifest as a process, but for the ports, which may be taken on this machine. */
async function start(
  more: Readonly<Record<string, string>> = {},
): Promise<{ service: Service; env: NodeJS.ProcessEnv }> {
  const [port, adminPort] = [await freePort(), await freePort()];
  const fromManifest = (container?.env ?? []).map(({ name, value }) => [name, value ?? '127.0.0.1']);
  const env = { ...Object.fromEntries(fromManifest), PORT: `${port}`, ADMIN_PORT: `${adminPort}`, ...more };
  const [, file = ''] = container?.command ?? [];
  const service = await startService({ file, cwd: folder, env });
  const admin = `http://127.0.0.1:${adminPort}`;
  await service.waitForHttp(`${admin}${container?.startupProbe?.httpGet?.path}`);
  await service.waitForHttp(`${admin}${container?.readinessProbe?.httpGet?.path}`);
  return { service, env };
}

describe('the manifests of express-file', () => {
  it('start the service, and their hook drains it for kube-proxy', async () => {
    const { service, env } = await start();
    const preStop = { port: Number(env['ADMIN_PORT']), path: hook?.path ?? '' };
    const timeline = await terminatePod(service, { gracePeriodSeconds, preStop });
    expect(timeline.exit).toEqual({ code: 0, signal: null });
    expect(timeline.totalMs).toBeGreaterThan(DEFAULTS.endpointsSettleMs);
    expect(timeline.totalMs).toBeLessThan(DEFAULTS.endpointsSettleMs + 3_000);
  });

  it('with a token: a bare call changes nothing, the command of the hook drains it', async () => {
    const PRESTOP_TOKEN = 'fe0c2d6ab1f94c0e';
    const { service, env } = await start({ PRESTOP_TOKEN });
    const prestop = `http://127.0.0.1:${env['ADMIN_PORT']}/prestop`;
    expect((await fetch(prestop)).status).toBe(403);
    expect((await fetch(prestop, { headers: { [TOKEN_HEADER]: 'another one' } })).status).toBe(403);
    expect((await fetch(prestop.replace('/prestop', '/readyz'))).status).toBe(200);

    const [program = '', ...args] = tokenHook ?? [];
    const command = spawn(program, args, {
      cwd: folder,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [report, [code]] = await Promise.all([text(command.stdout), once(command, 'exit')]);
    expect(code).toBe(0);
    expect(JSON.parse(report)).toMatchObject({ outcome: 'drained' });
    expect(report).not.toContain(PRESTOP_TOKEN);

    const { exit } = await terminatePod(service, { gracePeriodSeconds });
    expect(exit).toEqual({ code: 0, signal: null });
  });
});
