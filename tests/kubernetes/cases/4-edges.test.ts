import { setTimeout as settle } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { expectClean, figuresOf } from '../support/clean.ts';
import { record } from '../support/evidence.ts';
import type { History } from '../support/history.ts';
import { kubectl as clusterKubectl } from '../support/kubectl.ts';
import { deploymentOf, published, serviceContainer } from '../support/manifests.ts';
import { inNamespace, type Namespace } from '../support/namespace.ts';
import { type Container, type Deployment, isReady } from '../support/objects.ts';
import { openLog, ownNode, restartKubelet } from '../support/own-node.ts';
import { allGone, gone, names, podNow, ready, statusOf } from '../support/pods.ts';
import { explainPod } from '../support/prestop-report.ts';
import { probePod } from '../support/probe-service.ts';
import { reportsIn, reportsOf, type Termination } from '../support/termination.ts';

const CHAPTER = "Edges of a pod's life";
const GRACE_CHAPTER = 'terminationGracePeriodSeconds of a liveness probe, 3 s, in a pod with 8 s';
const TOKEN = 'token-of-this-case';
const CLEAN = { outcome: 'clean', exitCode: 0, trigger: { kind: 'prestop' } };
const GATE = 'prestop.test/admitted';

/** The example without a registry, two pods, as it is or changed. */
async function start(namespace: Namespace, change: (deployment: Deployment) => void = () => undefined): Promise<void> {
  const objects = await published('express-file/k8s/base');
  change(deploymentOf(objects));
  await namespace.apply(objects);
  await namespace.kubectl('rollout', 'status', 'deployment/orders', '--timeout=120s');
}

describe.concurrent('a service with prestop ends clean by its hook', () => {
  it('when it is scaled to zero', () =>
    inNamespace(async (namespace) => {
      await start(namespace);
      await namespace.kubectl('scale', 'deployment/orders', '--replicas=0');
      noteClean('scaled to zero', await allGone(namespace.history));
    }));

  it('when a pod is evicted, and the disruption budget refuses a second one', () =>
    inNamespace(async (namespace) => {
      const { history } = namespace;
      await start(namespace);
      const [first = '', second = ''] = names(history);
      await evict(namespace, first);
      await expect(evict(namespace, second)).rejects.toThrow(/disruption budget/);
      noteClean('evicted', [await gone(history, first)]);
    }));

  it('when the hook has to send a token in its header', () =>
    inNamespace(async (namespace) => {
      await start(namespace, (deployment) => withToken(serviceContainer(deployment), TOKEN));
      await namespace.kubectl('scale', 'deployment/orders', '--replicas=0');
      noteClean('token in httpHeaders', await allGone(namespace.history));
    }));

  it('when its liveness probe fails during the hook: the kubelet has stopped to ask', () =>
    inNamespace(async (namespace) => {
      const { history, kubectl } = namespace;
      await start(namespace, stuckOnDemand);
      const [pod = ''] = names(history);
      await kubectl('delete', 'pod', pod, '--wait=false');
      await begun(history, pod);
      await kubectl('exec', pod, '--', 'touch', '/stuck/yes');
      const termination = await gone(history, pod);
      noteClean('liveness fails during the hook', [termination]);
      expect(messages(history, pod).filter((text) => text.startsWith('Liveness'))).toEqual([]);
    }));

  it('when a readiness gate has admitted its pods, which get no requests before', () =>
    inNamespace(async (namespace) => {
      const { history } = namespace;
      const objects = await published('express-file/k8s/base');
      deploymentOf(objects).spec.template.spec['readinessGates'] = [{ conditionType: GATE }];
      await namespace.apply(objects);
      await history.until('ready containers', () => {
        return history.present().length === 2 && history.present().every((pod) => statusOf(pod)?.ready);
      });
      const pods = names(history);
      expect(history.present().some(isReady)).toBe(false);
      expect(readyEndpoints(history)).toEqual([]);
      for (const pod of pods) await admit(namespace, pod);
      await namespace.kubectl('rollout', 'status', 'deployment/orders', '--timeout=120s');
      await history.until('the endpoints', () => readyEndpoints(history).length === 2);
      await namespace.kubectl('scale', 'deployment/orders', '--replicas=0');
      noteClean('readiness gate', await allGone(history));
    }));

  it('when the number behind its named port is another one', () =>
    inNamespace(async (namespace) => {
      await start(namespace, (deployment) => {
        const container = serviceContainer(deployment);
        expect(container.lifecycle).toMatchObject({ preStop: { httpGet: { port: 'admin' } } });
        container.ports = [
          { name: 'admin', containerPort: 9191 },
          { name: 'http', containerPort: 3000 },
        ];
        container.env?.push({ name: 'ADMIN_PORT', value: '9191' });
      });
      await namespace.kubectl('scale', 'deployment/orders', '--replicas=0');
      noteClean('named port, another number', await allGone(namespace.history));
    }));
});

describe.concurrent('a service with prestop does everything on SIGTERM', () => {
  const hooks: readonly { readonly name: string; readonly change: (container: Container) => void }[] = [
    {
      name: 'when its hook sends a wrong token, which the kubelet takes for success',
      change: (container) => withToken(container, 'another-token'),
    },
    {
      name: 'when its hook is for a port that no server listens on',
      change: (container) => {
        container.lifecycle = { preStop: { httpGet: { path: '/prestop', port: 9999 } } };
      },
    },
    {
      name: 'when its hook names a port that the container does not have',
      change: (container) => {
        container.lifecycle = { preStop: { httpGet: { path: '/prestop', port: 'adnim' } } };
      },
    },
    {
      name: 'when its hook is a command that is not there',
      change: (container) => {
        container.lifecycle = { preStop: { exec: { command: ['/no/such/command'] } } };
      },
    },
  ];
  it.each(hooks)('$name', ({ name, change }) =>
    inNamespace(async (namespace) => {
      const { history } = namespace;
      await start(namespace, (deployment) => change(serviceContainer(deployment)));
      await namespace.kubectl('scale', 'deployment/orders', '--replicas=0');
      const terminations = await allGone(history);
      note(name.replace(/^when /, ''), terminations);
      const kubeletKnows = !name.includes('token');
      for (const { report, complaints } of terminations) {
        expect(report).toMatchObject({ ...CLEAN, trigger: { kind: 'signal' } });
        expect(complaints).toEqual(kubeletKnows ? ['error: The preStop hook failed, and SIGTERM followed'] : []);
      }
    }),
  );
});

describe('a service with prestop', () => {
  it('ends by its hook and comes back in the same pod when its liveness probe fails', () =>
    inNamespace(async ({ history, ...namespace }) => {
      await start({ history, ...namespace }, stuckOnDemand);
      const [pod = ''] = names(history);
      const before = podNow(history, pod);
      await namespace.kubectl('exec', pod, '--', 'touch', '/stuck/yes');
      await history.until('the restart', () => statusOf(podNow(history, pod))?.restartCount === 1);
      await namespace.kubectl('exec', pod, '--', 'rm', '-f', '/stuck/yes');
      await ready(history, pod);

      const [report] = reportsOf(history, pod);
      const { complaints } = explainPod(history, pod);
      record({
        chapter: CHAPTER,
        case: 'liveness fails: restart in place',
        figures: {
          outcome: report?.outcome ?? '–',
          trigger: report?.trigger.kind ?? '–',
          'exit code': statusOf(podNow(history, pod))?.lastState.terminated?.exitCode ?? '–',
          warnings: history.warnings(pod).join(', '),
          'prestop report complains of': complaints.join(', '),
        },
      });
      expect(report).toMatchObject(CLEAN);
      expect(podNow(history, pod)?.status.podIP).toBe(before?.status.podIP);
      expect(statusOf(podNow(history, pod))?.lastState.terminated).toMatchObject({ exitCode: 0 });
      expect(complaints.toSorted()).toEqual([
        'error: A failed liveness probe restarts the container',
        'warning: The liveness probe failed',
      ]);
    }));

  it.skipIf(!ownNode)(
    'takes a second delivery of the hook, by a kubelet that was restarted, for the same termination',
    () =>
      inNamespace(async ({ history, ...namespace }) => {
        await start({ history, ...namespace }, ({ spec }) => {
          spec.replicas = 1;
        });
        const [pod = ''] = names(history);
        // kubectl logs ends with the kubelet; the file does not.
        const log = openLog(namespace.name, pod);
        await namespace.kubectl('delete', 'pod', pod, '--wait=false');
        await begun(history, pod);
        restartKubelet();
        const { exitCode, endedMs, warnings } = await gone(history, pod);
        const [report] = reportsIn(log.read()).slice(-1);
        const joined = report?.joined.map(({ kind, detail }) => detail ?? kind) ?? [];
        record({
          chapter: CHAPTER,
          case: 'kubelet restarted during the hook',
          figures: {
            outcome: report?.outcome ?? '–',
            trigger: [report?.trigger.kind ?? '–', ...joined].join(', joined by '),
            'exit code': exitCode ?? '–',
            'deletion to exit (s)': (endedMs / 1000).toFixed(1),
            warnings: warnings.join(', ') || '–',
          },
        });
        expect(report).toMatchObject(CLEAN);
        expect(joined).toEqual(['prestop', 'SIGTERM']);
        expect(exitCode).toBe(0);
      }),
  );

  it('ends clean by its hook when its node is drained', () =>
    inNamespace(async (namespace) => {
      const { history, name } = namespace;
      await start(namespace);
      const old = names(history);
      const node = await clusterKubectl(['get', 'nodes', '-o', 'jsonpath={.items[0].metadata.name}']);
      const selector = 'app.kubernetes.io/name=orders';
      const drained = clusterKubectl(['drain', node, `--pod-selector=${selector}`, '--timeout=120s']);
      try {
        await history.until('an eviction', () => history.present().some(({ metadata }) => metadata.deletionTimestamp));
      } finally {
        // The only node: the new pods go there, too.
        await clusterKubectl(['uncordon', node]);
      }
      expect(await drained, name).toContain('drained');
      noteClean('kubectl drain', await Promise.all(old.map((pod) => gone(history, pod))));
    }));
});

describe.concurrent('the grace period of a liveness probe', () => {
  const STUBBORN = { HOOK_MS: '60000', STUBBORN: 'yes' };
  const LIVENESS_GRACE = 3;
  const POD_GRACE = 8;

  // A container that is not restarted is ended as a part of its pod, with the pod's grace period.
  const policies = [
    { restartPolicy: 'Always', sigtermAt: LIVENESS_GRACE },
    { restartPolicy: 'Never', sigtermAt: POD_GRACE },
  ] as const;
  it.each(policies)(
    'and SIGTERM of a hook that takes for ever, restartPolicy $restartPolicy: after $sigtermAt s',
    (row) =>
      inNamespace(async ({ apply, history, kubectl }) => {
        const { restartPolicy, sigtermAt } = row;
        const pod = impatientPod(STUBBORN, POD_GRACE, LIVENESS_GRACE);
        pod.spec['restartPolicy'] = restartPolicy;
        await apply([pod]);
        await ready(history, 'pod');
        await kubectl('exec', 'pod', '--', 'touch', '/tmp/stuck');
        const { terminated } = await history.until('the end of the container', () => {
          const { state, lastState } = statusOf(podNow(history, 'pod')) ?? {};
          return [state, lastState].find((each) => each?.terminated !== undefined);
        });
        const { told, seconds } = toldTo(history, 'pod');
        record({
          chapter: GRACE_CHAPTER,
          case: `liveness fails, restartPolicy ${restartPolicy}; hook and SIGTERM take for ever`,
          figures: {
            'told the container': told.join(', '),
            'hook to SIGTERM (s)': `${seconds.toFixed(1)} (${sigtermAt})`,
            'exit code': terminated?.exitCode ?? '–',
            warnings: history.warnings('pod').join(', '),
            'prestop report complains of': explainPod(history, 'pod').complaints.join(', '),
          },
        });
        expect(told).toEqual(['hook', 'SIGTERM']);
        expect(Math.abs(seconds - sigtermAt)).toBeLessThan(1);
        expect(terminated).toMatchObject({ exitCode: 137 });
      }),
  );

  it('is not that of a deletion, even when the probe fails then', () =>
    inNamespace(async ({ apply, history, kubectl }) => {
      await apply([impatientPod({ HOOK_MS: '6000' }, POD_GRACE, LIVENESS_GRACE)]);
      await ready(history, 'pod');
      await settle(1_000);
      await kubectl('delete', 'pod', 'pod', '--wait=false');
      await history.until('the hook', () => history.said('pod').some(({ text }) => text.startsWith('hook')));
      await kubectl('exec', 'pod', '--', 'touch', '/tmp/stuck');
      await history.until('the end of the pod', () => podNow(history, 'pod') === undefined);
      const { told, seconds } = toldTo(history, 'pod');
      record({
        chapter: GRACE_CHAPTER,
        case: 'deleted, then liveness fails; hook of 6 s',
        figures: {
          'told the container': told.join(', '),
          'hook to SIGTERM (s)': `${seconds.toFixed(1)} (6.0)`,
          warnings: history.warnings('pod').join(', ') || '–',
        },
      });
      expect(told).toEqual(['hook', 'answered', 'SIGTERM']);
      expect(history.warnings('pod')).not.toContain('Unhealthy');
    }));
});

describe('a native sidecar', () => {
  it('gets SIGTERM after the service has ended', () =>
    inNamespace(async ({ apply, history, kubectl }) => {
      const pod = probePod('pod', { HOOK_MS: '1000' }, 20, { httpGet: { path: '/prestop', port: 'admin' } });
      const sidecar = {
        name: 'sidecar',
        image: 'orders:1.0.0',
        restartPolicy: 'Always',
        command: ['node', '-e', SIDECAR],
      };
      pod.spec['initContainers'] = [sidecar];
      await apply([pod]);
      await history.until('the start', () => history.said('pod').some(({ text }) => text.startsWith('listening')));
      await kubectl('delete', 'pod', 'pod', '--wait=false');
      await history.until('the end of the pod', () => history.present().length === 0);
      const told = history.said('pod').filter(({ text }) => /hook|answered|SIGTERM/.test(text));
      expect(told.map(({ text }) => text.split(' ')[0])).toEqual(['hook', 'answered', 'SIGTERM', 'sidecar:SIGTERM']);
    }));
});

/** Says when it is told to end, for as long as it takes. */
const SIDECAR = `
console.log('sidecar:ready');
process.on('SIGTERM', () => { console.log('sidecar:SIGTERM'); process.exit(0); });
setInterval(() => {}, 1000);
`;

function withToken(container: Container, token: string): void {
  container.env?.push({ name: 'PRESTOP_TOKEN', value: TOKEN });
  const httpHeaders = [{ name: 'X-Prestop-Token', value: token }];
  container.lifecycle = { preStop: { httpGet: { path: '/prestop', port: 'admin', httpHeaders } } };
}

/** A liveness probe that fails when a file is there, so that the service itself goes on. */
function stuckOnDemand(deployment: Deployment): void {
  const container = serviceContainer(deployment);
  container.livenessProbe = {
    exec: { command: ['sh', '-c', '! test -e /stuck/yes'] },
    periodSeconds: 1,
    failureThreshold: 2,
    terminationGracePeriodSeconds: 10,
  };
  container.volumeMounts = [{ name: 'stuck', mountPath: '/stuck' }];
  deployment.spec.template.spec.volumes = [{ name: 'stuck', emptyDir: {} }];
}

async function evict({ name, kubectl }: Namespace, pod = ''): Promise<void> {
  const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: pod } };
  const path = `/api/v1/namespaces/${name}/pods/${pod}/eviction`;
  await clusterKubectl(['create', '--raw', path, '-f', '-'], JSON.stringify(eviction));
  await kubectl('get', 'pods');
}

/** A pod whose liveness probe fails when a file is there. */
function impatientPod(env: Readonly<Record<string, string>>, grace: number, terminationGracePeriodSeconds: number) {
  const pod = probePod('pod', env, grace, { httpGet: { path: '/prestop', port: 'admin' } });
  const [container] = pod.spec.containers;
  if (container !== undefined) {
    container.livenessProbe = {
      exec: { command: ['sh', '-c', '! test -e /tmp/stuck'] },
      periodSeconds: 1,
      failureThreshold: 1,
      terminationGracePeriodSeconds,
    };
  }
  return pod;
}

/** What the probe service was told, and the time between the hook and SIGTERM. */
function toldTo(history: History, pod: string): { readonly told: readonly string[]; readonly seconds: number } {
  const lines = history.said(pod).map(({ text }) => text.split(' '));
  const told = lines.filter(([what = '']) => ['hook', 'answered', 'SIGTERM'].includes(what));
  const at = (name: string): number => Number(told.find(([what]) => what === name)?.[1]);
  return { told: told.map(([what = '']) => what), seconds: (at('SIGTERM') - at('hook')) / 1000 };
}

/** What a controller does that knows better than the pod whether it may be sent something. */
async function admit({ kubectl }: Namespace, pod: string): Promise<void> {
  const patch = JSON.stringify({ status: { conditions: [{ type: GATE, status: 'True' }] } });
  await kubectl('patch', 'pod', pod, '--subresource=status', '--patch', patch);
}

function readyEndpoints(history: History): readonly string[] {
  const slice = history.endpoints.at(-1)?.object;
  const isReadyOne = slice?.endpoints?.filter(({ conditions }) => conditions.ready) ?? [];
  return isReadyOne.map(({ targetRef }) => targetRef?.name ?? '');
}

/** The service has heard of its end. */
async function begun(history: History, pod: string): Promise<void> {
  await history.until('the hook', () => history.said(pod).some(({ text }) => text.includes('"terminating"')));
}

function messages(history: History, pod: string): readonly string[] {
  return history.events.filter(({ object }) => object.involvedObject.name === pod).map(({ object }) => object.message);
}

function noteClean(name: string, terminations: readonly Termination[]): void {
  note(name, terminations);
  expectClean(terminations);
}

function note(name: string, terminations: readonly Termination[]): void {
  record({ chapter: CHAPTER, case: name, figures: figuresOf(terminations) });
}
