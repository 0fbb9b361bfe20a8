import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { record } from '../support/evidence.ts';
import { kubectl } from '../support/kubectl.ts';
import { deploymentOf, published, serviceContainer, setVariable } from '../support/manifests.ts';
import { inNamespace, type Namespace } from '../support/namespace.ts';
import type { Deployment, KubeObject } from '../support/objects.ts';
import { consulOnNode, nacosOnNode, type Registry } from '../support/registries.ts';
import { type Rolled, rollUnderLoad } from '../support/rolling.ts';

const CHAPTER = 'Rolling updates';
const RUNS = [1, 2, 3] as const;
const DEPLOYMENT = 'orders';

let consul: Registry;
let nacos: Registry;
beforeAll(async () => {
  const address = '{.items[0].status.addresses[?(@.type=="InternalIP")].address}';
  const nodeIp = await kubectl(['get', 'nodes', '-o', `jsonpath=${address}`]);
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
  it.each(RUNS)('loses none of 20,000 requests and every pod ends clean, run %i', (run) =>
    inNamespace(async (namespace) => {
      const objects = await published(example.manifests);
      example.fillIn?.(deploymentOf(objects));
      const rolled = await roll(namespace, objects, example.registry?.(), run);
      note(`${example.name}, callers by the ${example.callers}`, run, rolled);

      expect(rolled.tally.lost).toEqual([]);
      expect(rolled.tally.answered).toBeGreaterThanOrEqual(20_000);
      for (const { report, warnings } of rolled.terminations) {
        expect(report).toMatchObject({ outcome: 'clean', exitCode: 0, trigger: { kind: 'prestop' } });
        expect(warnings.filter((reason) => reason.endsWith('Hook'))).toEqual([]);
      }
    }),
  );
});

/** The same Deployment with a service that ends on SIGTERM as services usually do, and what is left of its manifest. */
const others: readonly { readonly name: string; readonly lifecycle: object | undefined }[] = [
  { name: 'without prestop', lifecycle: undefined },
  { name: 'without prestop, preStop.sleep of 5 s', lifecycle: { preStop: { sleep: { seconds: 5 } } } },
];

describe.each(others)('a rolling update $name', ({ name, lifecycle }) => {
  it('is recorded beside it', () =>
    inNamespace(async (namespace) => {
      const objects = await published('express-file/k8s/base');
      withoutPrestop(deploymentOf(objects), lifecycle);
      const rolled = await roll(namespace, objects, undefined, 1);
      note(name, 1, rolled);
      // That the callers would notice a loss: a service that leaves at once loses something of 20,000 requests.
      if (lifecycle === undefined) expect(rolled.tally.lostCount).toBeGreaterThan(0);
    }));
});

async function roll(
  namespace: Namespace,
  objects: readonly KubeObject[],
  registry: Registry | undefined,
  seed: number,
): Promise<Rolled> {
  await namespace.apply(objects);
  await namespace.kubectl('rollout', 'status', `deployment/${DEPLOYMENT}`, '--timeout=120s');
  if (registry === undefined) {
    const ip = await namespace.kubectl('get', 'service', DEPLOYMENT, '-o', 'jsonpath={.spec.clusterIP}');
    return rollUnderLoad(namespace, DEPLOYMENT, async () => [`${ip}:80`], seed);
  }
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

function withoutPrestop(deployment: Deployment, lifecycle: object | undefined): void {
  const container = serviceContainer(deployment);
  container.command = ['node', 'dist/server-without-prestop.js'];
  for (const field of ['lifecycle', 'startupProbe', 'livenessProbe'] as const) delete container[field];
  if (lifecycle !== undefined) container.lifecycle = lifecycle;
  container.readinessProbe = { httpGet: { path: '/orders/1', port: 'http' }, periodSeconds: 2 };
  // It registers in a directory, which nobody reads here.
  container.volumeMounts = [{ name: 'registry', mountPath: '/registry' }];
  deployment.spec.template.spec.volumes = [{ name: 'registry', emptyDir: {} }];
  setVariable(container, 'REGISTRY_DIR', '/registry');
}

function note(name: string, run: number, { tally, terminations }: Rolled): void {
  const { lostCount, answered, causes, latencyMs } = tally;
  const seconds = terminations.map(({ endedMs }) => (endedMs / 1000).toFixed(1));
  const late = terminations.map(({ report }) => report?.requests.late.count ?? '–');
  record({
    chapter: CHAPTER,
    case: `${name}, run ${run}`,
    figures: {
      answered,
      lost: lostCount,
      'causes of loss':
        Object.entries(causes)
          .map(([cause, count]) => `${cause} ${count}`)
          .join(', ') || '–',
      'late requests served': late.join(', '),
      'deletion to exit (s)': seconds.join(', '),
      'p99 (ms)': Math.round(latencyMs.p99),
    },
    timeline: terminations.map(
      ({ pod, beganMs, notReadyMs, endedMs, exitCode, warnings }) =>
        `${pod}: termination began ${beganMs ?? '–'} ms, endpoint terminating ${notReadyMs ?? '–'} ms, ended ${endedMs} ms ` +
        `after the deletion was seen; exit code ${exitCode ?? '–'}; warnings: ${warnings.join(', ') || 'none'}`,
    ),
  });
}
