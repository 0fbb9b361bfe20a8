import { expect, it } from 'vitest';
import { folder } from '../support/folder.ts';
import { prestop } from '../support/io.ts';
import { deployment } from '../support/manifests.ts';
import { drilled, fixture, outcomes } from './support/drill.ts';

/** A manifest with these lines in its container. */
function manifest(...lines: readonly string[]): string {
  const container = [
    'ports: [{ containerPort: 3000 }]',
    'lifecycle: { preStop: { httpGet: { port: 3000, path: /drain } } }',
    ...lines,
  ];
  const cwd = folder({ 'k8s.yaml': deployment(container.join('\n')) });
  return `${cwd}/k8s.yaml`;
}

const COMMAND = ['node', fixture('probed.mjs')];
const LIVENESS = 'livenessProbe: { httpGet: { port: 3000, path: /alive }, periodSeconds: 1, failureThreshold: 1 }';

it('a liveness probe that fails in a drain fails it: the kubelet asks on where no pod is deleted', async () => {
  const options = ['--manifest', manifest(LIVENESS), '--case', 'hook-only'];
  const dead = await drilled([...options, '-e', 'DEAD_WHILE_DRAINING=1'], COMMAND);
  expect(dead.code).toBe(1);
  expect(outcomes(dead.result)).toMatchObject({ hook: 'pass', liveness: 'fail', back: 'pass' });
  const alive = await drilled(options, COMMAND);
  expect(alive.code).toBe(0);
  expect(outcomes(alive.result)).toMatchObject({ hook: 'pass', liveness: 'pass', back: 'pass' });
});

it('nobody asks a pod that is deleted whether it is alive', async () => {
  const options = ['--manifest', manifest(LIVENESS), '-e', 'DEAD_WHILE_DRAINING=1'];
  const { result } = await drilled(options, COMMAND);
  expect(outcomes(result)).toMatchObject({ liveness: 'pass' });
});

it.each(['startup', 'liveness'])('a %s probe that asks for what is not there ends the drill', async (kind) => {
  const file = manifest(`${kind}Probe: { httpGet: { port: 3000, path: /nothing } }`);
  const { code, stderr } = await prestop(['drill', '-m', file, '--start-timeout', '1s', '--', ...COMMAND]);
  expect(code).toBe(3);
  expect(stderr).toMatch(new RegExp(`its ${kind} probe fails: no 2xx or 3xx from GET /nothing on \\d+`));
  if (process.platform === 'linux') expect(stderr).toContain(`the ${kind}Probe of the manifest asks for what`);
});

it('a readiness probe has the time that the manifest gives it', async () => {
  const probe = 'readinessProbe: { httpGet: { port: 3000, path: /slow-ready }, timeoutSeconds: 2 }';
  const { result } = await drilled(['--manifest', manifest(probe), '--start-timeout', '5s'], COMMAND);
  expect(outcomes(result)).toMatchObject({ hook: 'pass' });
});
