import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { record } from '../support/evidence.ts';
import { deploymentOf, published, serviceContainer, setVariable } from '../support/manifests.ts';
import { inNamespace } from '../support/namespace.ts';
import type { Deployment } from '../support/objects.ts';
import { names, podNow } from '../support/pods.ts';
import { explainPod } from '../support/prestop-report.ts';
import { consulOnNode, nacosOnNode, nodeAddress, type Registry } from '../support/registries.ts';
import { reportsOf } from '../support/termination.ts';

const CHAPTER = 'A second or less to live';
const DEPLOYMENT = 'orders';
/** The kubelet gives a pod 1 s, and then 2 s from SIGTERM to SIGKILL; and it may be a second late. */
const GONE_MS = 4_000;

let consul: Registry;
let nacos: Registry;
beforeAll(async () => {
  const address = await nodeAddress();
  [consul, nacos] = await Promise.all([consulOnNode(address), nacosOnNode(address)]);
});
afterAll(async () => {
  await Promise.all([consul?.stop(), nacos?.stop()]);
});

const registries = [
  { name: 'Consul', manifests: 'express-consul/k8s/base', registry: () => consul },
  {
    name: 'Nacos',
    manifests: 'express-nacos/k8s/base',
    registry: () => nacos,
    fillIn: (deployment: Deployment) =>
      setVariable(serviceContainer(deployment), 'NACOS_SERVER_ADDR', new URL(nacos.addr).host),
  },
] as const;

interface Way {
  readonly name: string;
  readonly change?: (deployment: Deployment) => void;
  readonly delete: readonly string[];
}

const ways: readonly Way[] = [
  { name: 'kubectl delete --force --grace-period=0', delete: ['--force', '--grace-period=0'] },
  {
    name: 'terminationGracePeriodSeconds of 1 s, the service believes in 45 s',
    change: ({ spec }) => {
      spec.template.spec.terminationGracePeriodSeconds = 1;
      const container = serviceContainer({ spec } as Deployment);
      // A probe may not have more than its pod.
      for (const probe of ['startupProbe', 'livenessProbe'] as const) delete container[probe];
    },
    delete: [],
  },
];

const cases = registries.flatMap((registry) => ways.map((way) => ({ registry, way })));

describe.each(cases)('$registry.name, $way.name', ({ registry: { name, manifests, registry, ...rest }, way }) => {
  it('has left the registry before it is killed', () =>
    inNamespace(async ({ apply, history, kubectl }) => {
      const objects = await published(manifests);
      const deployment = deploymentOf(objects);
      if ('fillIn' in rest) rest.fillIn(deployment);
      way.change?.(deployment);
      await apply(objects);
      await kubectl('rollout', 'status', `deployment/${DEPLOYMENT}`, '--timeout=120s');
      const consumer = await registry().watch(DEPLOYMENT);
      try {
        const [pod = ''] = names(history);
        const instance = `${podNow(history, pod)?.status.podIP}:3000`;
        await expect.poll(consumer.discover, { timeout: 30_000 }).toContain(instance);

        const askedAtMs = performance.now();
        await kubectl('delete', 'pod', pod, '--wait=false', ...way.delete);
        while ((await consumer.discover()).includes(instance) && performance.now() - askedAtMs < 60_000) await pause(5);
        const leftMs = performance.now() - askedAtMs;
        await history.until('silence', () => {
          return (
            podNow(history, pod) === undefined && performance.now() - (history.said(pod).at(-1)?.atMs ?? 0) > 2_000
          );
        });

        const told = history.said(pod).map(({ text }) => text);
        const report = reportsOf(history, pod).at(-1);
        record({
          chapter: CHAPTER,
          case: `${name}, ${way.name}`,
          figures: {
            'left the registry after (s)': (leftMs / 1000).toFixed(2),
            'heard of it by': told.some((text) => text.includes('"event":"terminating"')) ? 'the hook' : 'nothing',
            'last heard after (s)': (((history.said(pod).at(-1)?.atMs ?? 0) - askedAtMs) / 1000).toFixed(1),
            outcome: report?.outcome ?? 'no report',
            warnings: history.warnings(pod).join(', ') || '–',
            'prestop report complains of': explainPod(history, pod).complaints.join(', ') || '–',
          },
        });
        expect(leftMs).toBeLessThan(GONE_MS);
      } finally {
        await consumer.stop();
      }
    }));
});
