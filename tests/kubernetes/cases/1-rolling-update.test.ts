import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectClean } from '../support/clean.ts';
import { record } from '../support/evidence.ts';
import { deploymentOf, published, serviceContainer, setVariable } from '../support/manifests.ts';
import { inNamespace, type Namespace } from '../support/namespace.ts';
import type { Deployment, KubeObject } from '../support/objects.ts';
import { reached } from '../support/reached.ts';
import { consulOnNode, nacosOnNode, nodeAddress, type Registry } from '../support/registries.ts';
import { type Rolled, rollUnderLoad } from '../support/rolling.ts';

const CHAPTER = 'Rolling updates';
const RUNS = [1, 2, 3] as const;
const DEPLOYMENT = 'orders';
/** Of a pod whose manifest says nothing. */
const DEFAULT_GRACE_SECONDS = 30;

let consul: Registry;
let nacos: Registry;
beforeAll(async () => {
  const nodeIp = await nodeAddress();
  [consul, nacos] = await Promise.all([consulOnNode(nodeIp), nacosOnNode(nodeIp)]);
});
afterAll(async () => {
  await Promise.all([consul?.stop(), nacos?.stop()]);
});

interface Example {
  readonly name: string;
  /** Folder of the manifests in `examples/`. */
  readonly manifests: string;
  readonly callers: 'Service' | 'registry';
  readonly registry?: () => Registry;
  /** What a user fills in: the address of the registry. */
  readonly fillIn?: (deployment: Deployment) => void;
}

const nacosAddress = (deployment: Deployment): void =>
  setVariable(serviceContainer(deployment), 'NACOS_SERVER_ADDR', new URL(nacos.addr).host);

const examples: readonly Example[] = [
  { name: 'no registry', manifests: 'express-file/k8s/base', callers: 'Service' },
  { name: 'Consul', manifests: 'express-consul/k8s/base', callers: 'Service' },
  { name: 'Consul', manifests: 'express-consul/k8s/base', callers: 'registry', registry: () => consul },
  { name: 'Nacos', manifests: 'express-nacos/k8s/base', callers: 'Service', fillIn: nacosAddress },
  {
    name: 'Nacos',
    manifests: 'express-nacos/k8s/base',
    callers: 'registry',
    registry: () => nacos,
    fillIn: nacosAddress,
  },
];

describe.each(examples)('a rolling update with $name, callers by the $callers', (example) => {
  it('loses none of 20,000 requests and every pod ends clean, three times', () =>
    inNamespace(async (namespace) => {
      const objects = await published(example.manifests);
      example.fillIn?.(deploymentOf(objects));
      await start(namespace, objects);
      for (const run of RUNS) {
        const rolled = await roll(namespace, example.registry?.(), run);
        note(`${example.name}, callers by the ${example.callers}, run ${run}`, rolled);

        expect(rolled.losses).toEqual([]);
        expect(rolled.tally.answered).toBeGreaterThanOrEqual(20_000);
        expectClean(rolled.terminations);
      }
    }));
});

/** The same Deployment with a service that ends on SIGTERM as services usually do, and what is left of its manifest. */
const others: readonly { readonly name: string; readonly lifecycle: object | undefined }[] = [
  { name: 'without prestop', lifecycle: undefined },
  { name: 'without prestop, preStop.sleep of 5 s', lifecycle: { preStop: { sleep: { seconds: 5 } } } },
];

// At the same time, since most of it is waiting for SIGKILL.
describe.concurrent.each(others)('a rolling update $name', ({ name, lifecycle }) => {
  it('is recorded beside it', () =>
    inNamespace(async (namespace) => {
      const objects = await published('express-file/k8s/base');
      withoutPrestop(deploymentOf(objects), lifecycle);
      await start(namespace, objects);
      const rolled = await roll(namespace, undefined, 1);
      note(name, rolled);
      // That the callers would notice a loss: a service that leaves at once loses something of 20,000 requests.
      if (lifecycle === undefined) expect(rolled.tally.lostCount).toBeGreaterThan(0);
    }));
});

async function start({ apply, kubectl }: Namespace, objects: readonly KubeObject[]): Promise<void> {
  await apply(objects);
  await kubectl('rollout', 'status', `deployment/${DEPLOYMENT}`, '--timeout=120s');
}

async function roll(namespace: Namespace, registry: Registry | undefined, seed: number): Promise<Rolled> {
  if (registry === undefined) return rollUnderLoad(namespace, DEPLOYMENT, await throughService(namespace), seed);
  const consumer = await registry.watch(DEPLOYMENT);
  try {
    const pods = namespace.history.present().map(({ status }) => `${status.podIP}:3000`);
    const discovered = async (): Promise<string> => [...(await consumer.discover())].sort().join();
    await expect.poll(discovered, { timeout: 30_000 }).toBe([...pods].sort().join());
    return await rollUnderLoad(namespace, DEPLOYMENT, consumer.discover, seed);
  } finally {
    await consumer.stop();
  }
}

/** The Service's address, as all that callers know. */
async function throughService({ kubectl }: Namespace): Promise<() => Promise<readonly string[]>> {
  const ip = await kubectl('get', 'service', DEPLOYMENT, '-o', 'jsonpath={.spec.clusterIP}');
  await reached(`http://${ip}/orders/1`);
  return async () => [`${ip}:80`];
}

function withoutPrestop(deployment: Deployment, lifecycle: object | undefined): void {
  const container = serviceContainer(deployment);
  container.command = ['node', 'dist/server-without-prestop.js'];
  for (const field of ['lifecycle', 'startupProbe', 'livenessProbe'] as const) delete container[field];
  if (lifecycle !== undefined) container.lifecycle = lifecycle;
  deployment.spec.template.spec.terminationGracePeriodSeconds = DEFAULT_GRACE_SECONDS;
  container.readinessProbe = { httpGet: { path: '/orders/1', port: 'http' }, periodSeconds: 2 };
  // It registers in a directory, which nobody reads here.
  container.volumeMounts = [{ name: 'registry', mountPath: '/registry' }];
  deployment.spec.template.spec.volumes = [{ name: 'registry', emptyDir: {} }];
  setVariable(container, 'REGISTRY_DIR', '/registry');
}

function note(name: string, { tally, losses, terminations }: Rolled): void {
  const { lostCount, answered, latencyMs } = tally;
  const seconds = terminations.map(({ endedMs }) => (endedMs / 1000).toFixed(1));
  const late = terminations.map(({ report }) => report?.requests.late.count ?? '–');
  record({
    chapter: CHAPTER,
    case: name,
    figures: {
      answered,
      lost: lostCount,
      'causes of loss': losses.join(', ') || '–',
      'late requests served': late.join(', '),
      'deletion to exit (s)': seconds.join(', '),
      'p99 (ms)': Math.round(latencyMs.p99),
    },
    timeline: terminations.map(
      ({ pod, beganMs, notReadyMs, endedMs, exitCode, warnings, complaints }) =>
        `${pod}: termination began ${beganMs ?? '–'} ms, endpoint terminating ${notReadyMs ?? '–'} ms, ended ${endedMs} ms ` +
        `after the deletion was seen; exit code ${exitCode ?? '–'}; warnings: ${warnings.join(', ') || 'none'}; ` +
        `prestop report complains of: ${complaints.join(', ') || 'nothing'}`,
    ),
  });
}
