import { setTimeout as settle } from 'node:timers/promises';
import { startCallers } from '@prestop/testkit';
import { describe, expect, it } from 'vitest';
import { record } from '../support/evidence.ts';
import type { History } from '../support/history.ts';
import { deploymentOf, published, serviceContainer } from '../support/manifests.ts';
import { inNamespace, type Namespace } from '../support/namespace.ts';
import type { KubeObject, Pod } from '../support/objects.ts';
import { gone, names, podNow } from '../support/pods.ts';
import { explainPod } from '../support/prestop-report.ts';
import { reached, statusOf } from '../support/reached.ts';
import { lacksImage } from '../support/template-images.ts';

/** A manifest of `examples/manifests` whose service is not Node, and what is deleted under callers here. */
interface Template {
  readonly name: string;
  readonly manifest: string;
  readonly image: string;
  /** How long the pod goes on as ever after its deletion, in seconds. */
  readonly waits: number;
  /** A path whose answer takes some seconds. */
  readonly slow: string;
  /** What the manifest expects around it, and what this node lacks. */
  readonly prepare?: (namespace: Namespace, objects: readonly KubeObject[]) => Promise<void>;
  /** What the container says at its end, in this order. */
  readonly says: readonly RegExp[];
  readonly exitCode: number;
  /** Requests in flight at the end are lost, which shows that the others would have been noticed. */
  readonly loses?: boolean;
}

const CHAPTER = 'Services that are not Node';
const QUIT = [/gracefully shutting down/, /exit$/];

const templates: readonly Template[] = [
  {
    name: 'nginx, sleep of 10 s, stopped by SIGQUIT',
    manifest: 'manifests/nginx.yaml',
    image: 'edge-sigquit:1.0.0',
    waits: 10,
    slow: '/slow',
    prepare: withUpstream,
    says: QUIT,
    exitCode: 0,
  },
  {
    name: 'nginx, sleep, quit and wait',
    manifest: 'manifests/nginx-quit-and-wait.yaml',
    image: 'edge:1.0.0',
    waits: 10,
    slow: '/slow',
    prepare: withUpstream,
    says: QUIT,
    exitCode: 0,
  },
  {
    name: 'nginx -s quit alone, as it is often shown, and then SIGTERM',
    manifest: 'manifests/nginx-quit-and-wait.yaml',
    image: 'edge:1.0.0',
    waits: 0,
    slow: '/slow',
    prepare: async (namespace, objects) => {
      await withUpstream(namespace, objects);
      const command = ['sh', '-c', 'nginx -c /etc/edge/nginx.conf -s quit'];
      serviceContainer(deploymentOf(objects)).lifecycle = { preStop: { exec: { command } } };
    },
    // SIGTERM is sent as soon as SIGQUIT was, and nginx may take up either one first.
    says: [/signal 15 \(SIGTERM\) received/],
    exitCode: 0,
    loses: true,
  },
  {
    name: 'Java behind a Service, sleep of 10 s',
    manifest: 'manifests/java.yaml',
    image: 'billing:1.0.0',
    waits: 10,
    slow: '/slow',
    says: [/^SIGTERM/, /^ended/],
    exitCode: 143,
  },
  {
    name: 'Java with a registry, deregistered and waited for by its hook',
    manifest: 'manifests/java-registry.yaml',
    image: 'ledger:1.0.0',
    waits: 36,
    slow: '/slow',
    says: [/^POST serviceregistry \{"status":"DOWN"\}/, /^SIGTERM/, /^ended/],
    exitCode: 143,
  },
];

const BEFORE_THE_END_MS = 1_500;
const CALLERS = 8;

describe.concurrent.each(templates.filter(({ image }) => !lacksImage(image)))('$name', (template) => {
  it('ends as its manifest says, with what is in flight', () =>
    inNamespace(async (namespace) => {
      const { history, kubectl, apply } = namespace;
      const objects = await published(template.manifest);
      const deployment = deploymentOf(objects);
      await template.prepare?.(namespace, objects);
      serviceContainer(deployment).image = template.image;
      await apply(objects);
      const { name } = deployment.metadata;
      await kubectl('rollout', 'status', `deployment/${name}`, '--timeout=120s');
      const pod = ours(history, name);
      const { podIP } = podNow(history, pod)?.status ?? {};
      const service = await kubectl('get', 'service', name, '-o', 'jsonpath={.spec.clusterIP}');
      await reached(`http://${service}/`);

      const callers = startCallers({
        discover: async () => [`${service}:80`],
        requests: [{ path: '/' }],
        count: CALLERS,
      });
      const slow = (): Promise<number> => statusOf(`http://${podIP}:8080${template.slow}`);
      const early = template.waits === 0 ? slow() : undefined;
      // On its way before the hook, which does not wait.
      if (early !== undefined) await settle(500);
      await kubectl('delete', 'pod', pod, '--wait=false');
      if (early === undefined) await settle(template.waits * 1_000 - BEFORE_THE_END_MS);
      const inFlight = await (early ?? slow());
      const termination = await gone(history, pod);
      const { lostCount, sent } = await callers.stop();

      const told = history.said(pod).map(({ text }) => text);
      const { complaints } = explainPod(history, pod);
      record({
        chapter: CHAPTER,
        case: template.name,
        figures: {
          'deletion to exit (s)': (termination.endedMs / 1000).toFixed(1),
          'exit code': termination.exitCode ?? '–',
          'in flight at the end': inFlight === 200 ? 'answered' : 'lost',
          // Of callers that keep their connections, which such a server ends without having said so.
          'lost behind the Service': `${lostCount} of ${sent}`,
          warnings: termination.warnings.join(', ') || '–',
          'prestop report complains of': complaints.join(', ') || '–',
        },
      });
      expectInOrder(told, template.says);
      expect(termination.exitCode).toBe(template.exitCode);
      expect(inFlight).toBe(template.loses === true ? 0 : 200);
      if (template.loses !== true) expect(termination.endedMs).toBeGreaterThan(template.waits * 1_000);
    }));
});

function ours(history: History, deployment: string): string {
  const pod = names(history).find((name) => name.startsWith(`${deployment}-`));
  if (pod === undefined) throw new Error(`${deployment} has no pod`);
  return pod;
}

function expectInOrder(told: readonly string[], says: readonly RegExp[]): void {
  let from = 0;
  for (const pattern of says) {
    const at = told.findIndex((line, index) => index >= from && pattern.test(line));
    expect(at, `${pattern} in:\n${told.join('\n')}`).toBeGreaterThanOrEqual(0);
    from = at + 1;
  }
}

/** The service that nginx passes everything on to, and its name without a DNS. */
async function withUpstream({ apply, kubectl }: Namespace, objects: readonly KubeObject[]): Promise<void> {
  await apply([upstream, upstreamService]);
  const ip = await kubectl('get', 'service', 'orders', '-o', 'jsonpath={.spec.clusterIP}');
  await kubectl('wait', 'pod/orders', '--for=condition=Ready', '--timeout=60s');
  const { spec } = deploymentOf(objects).spec.template;
  spec['hostAliases'] = [{ ip, hostnames: ['orders'] }];
  // The distribution's nginx is older than 1.27.4, which brought it.
  for (const object of objects) {
    const { data } = object as { data?: Record<string, string> };
    if (data?.['nginx.conf'] === undefined) continue;
    data['nginx.conf'] = data['nginx.conf'].replace(/^ *keepalive_min_timeout .*\n/m, '');
  }
}

const UPSTREAM = `
require('node:http').createServer((request, response) => {
  setTimeout(() => response.end('ok'), request.url === '/slow' ? 3000 : 0);
}).listen(3000);
process.on('SIGTERM', () => process.exit(0));
`;

const upstream: Pick<Pod, 'apiVersion' | 'kind' | 'spec'> & { readonly metadata: KubeObject['metadata'] } = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'orders', labels: { app: 'orders' } },
  spec: {
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: 1,
    containers: [{ name: 'orders', image: 'orders:1.0.0', command: ['node', '-e', UPSTREAM] }],
  },
};

const upstreamService: KubeObject & { readonly spec: object } = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'orders' },
  spec: { selector: { app: 'orders' }, ports: [{ port: 80, targetPort: 3000 }] },
};
