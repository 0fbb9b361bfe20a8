import { describe, expect, it } from 'vitest';
import { record } from '../support/evidence.ts';
import type { History } from '../support/history.ts';
import { kubectl as clusterKubectl } from '../support/kubectl.ts';
import { deploymentOf, published, serviceContainer } from '../support/manifests.ts';
import { inNamespace, type Namespace } from '../support/namespace.ts';
import { type Container, type Deployment, isReady, type Pod } from '../support/objects.ts';
import { ownNode, restartKubelet } from '../support/own-node.ts';
import { PROBE_PORT, probePod } from '../support/probe-service.ts';
import { type Report, reportsOf, type Termination, terminationOf } from '../support/termination.ts';

const CHAPTER = "Edges of a pod's life";
const TOKEN = 'token-of-this-case';
const CLEAN = { outcome: 'clean', exitCode: 0, trigger: { kind: 'prestop' } };

/** The example without a registry, two pods, as it is or changed. */
async function start(namespace: Namespace, change: (deployment: Deployment) => void = () => undefined): Promise<void> {
  const objects = await published('express-file/k8s/base');
  change(deploymentOf(objects));
  await namespace.apply(objects);
  await namespace.kubectl('rollout', 'status', 'deployment/orders', '--timeout=120s');
}

describe('a service with prestop ends clean by its hook', () => {
  it('when it is scaled to zero', () =>
    inNamespace(async (namespace) => {
      await start(namespace);
      await namespace.kubectl('scale', 'deployment/orders', '--replicas=0');
      expectClean('scaled to zero', await allGone(namespace.history));
    }));

  it('when a pod is evicted, and the disruption budget refuses a second one', () =>
    inNamespace(async (namespace) => {
      const { history } = namespace;
      await start(namespace);
      const [first, second] = names(history);
      await evict(namespace, first);
      await expect(evict(namespace, second)).rejects.toThrow(/disruption budget/);
      await gone(history, first);
      expectClean('evicted', [terminationOf(history, first ?? '')]);
    }));

  it('when its node is drained', () =>
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
      for (const pod of old) await gone(history, pod);
      const terminations = old.map((pod) => terminationOf(history, pod));
      expectClean('kubectl drain', terminations);
    }));

  it('when the hook has to send a token in its header', () =>
    inNamespace(async (namespace) => {
      await start(namespace, (deployment) => withToken(serviceContainer(deployment), TOKEN));
      await namespace.kubectl('scale', 'deployment/orders', '--replicas=0');
      expectClean('token in httpHeaders', await allGone(namespace.history));
    }));
});

describe('a service with prestop', () => {
  it('does everything on SIGTERM when its hook sends a wrong token, which the kubelet takes for success', () =>
    inNamespace(async ({ history, ...namespace }) => {
      await start({ history, ...namespace }, (deployment) => withToken(serviceContainer(deployment), 'another-token'));
      await namespace.kubectl('scale', 'deployment/orders', '--replicas=0');
      const terminations = await allGone(history);
      note('wrong token', terminations);
      for (const { report, warnings } of terminations) {
        expect(report).toMatchObject({ ...CLEAN, trigger: { kind: 'signal' } });
        expect(warnings).not.toContain('FailedPreStopHook');
      }
    }));

  it('ends by its hook and comes back in the same pod when its liveness probe fails', () =>
    inNamespace(async ({ history, ...namespace }) => {
      await start({ history, ...namespace }, ({ spec }) => {
        const [container] = spec.template.spec.containers;
        if (container !== undefined) stuckOnDemand(container);
        spec.template.spec.volumes = [{ name: 'stuck', emptyDir: {} }];
      });
      const [pod = ''] = names(history);
      const before = podNow(history, pod);
      await namespace.kubectl('exec', pod, '--', 'touch', '/stuck/yes');
      await history.until('the restart', () => statusOf(podNow(history, pod))?.restartCount === 1);
      await namespace.kubectl('exec', pod, '--', 'rm', '-f', '/stuck/yes');
      await history.until('readiness', () => isReady(podNow(history, pod)));

      const [report] = reportsOf(history, pod);
      record({
        chapter: CHAPTER,
        case: 'liveness fails: restart in place',
        figures: figuresOf([report], [statusOf(podNow(history, pod))?.lastState.terminated?.exitCode]),
      });
      expect(report).toMatchObject(CLEAN);
      expect(podNow(history, pod)?.status.podIP).toBe(before?.status.podIP);
      expect(statusOf(podNow(history, pod))?.lastState.terminated).toMatchObject({ exitCode: 0 });
    }));

  it.skipIf(!ownNode)('ends with exit code 0 under a kubelet that was restarted during the hook', () =>
    inNamespace(async ({ history, ...namespace }) => {
      await start({ history, ...namespace }, ({ spec }) => {
        spec.replicas = 1;
      });
      const [pod = ''] = names(history);
      await namespace.kubectl('delete', 'pod', pod, '--wait=false');
      await history.until('the hook', () => history.said(pod).some(({ text }) => text.includes('"terminating"')));
      restartKubelet();
      await gone(history, pod);
      const termination = terminationOf(history, pod);
      note('kubelet restarted during the hook', [termination]);
      expect(exitOf(history, pod)).toBe(0);
    }),
  );
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

describe('postStart', () => {
  const failing: readonly { readonly name: string; readonly postStart: object }[] = [
    {
      name: 'httpGet against a server that does not listen yet',
      postStart: { httpGet: { path: '/', port: PROBE_PORT } },
    },
    { name: 'exec that fails', postStart: { exec: { command: ['sh', '-c', 'exit 1'] } } },
  ];
  it.each(failing)('$name: the container is killed, and FailedPostStartHook says so', ({ name, postStart }) =>
    inNamespace(async ({ apply, history }) => {
      const pod = probePod('pod', {}, 5, undefined);
      const [container] = pod.spec.containers;
      if (container !== undefined) container.lifecycle = { postStart };
      await apply([pod]);
      await history.until('the event', () => history.reasons('pod').includes('FailedPostStartHook'));
      const ended = await history.until('the end', () => statusOf(podNow(history, 'pod'))?.state.terminated);
      record({
        chapter: CHAPTER,
        case: `postStart: ${name}`,
        figures: { warnings: history.warnings('pod').join(', ') },
      });
      expect(ended.exitCode).not.toBeUndefined();
    }),
  );
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
function stuckOnDemand(container: Container): void {
  container.livenessProbe = {
    exec: { command: ['sh', '-c', '! test -e /stuck/yes'] },
    periodSeconds: 1,
    failureThreshold: 2,
    terminationGracePeriodSeconds: 10,
  };
  container.volumeMounts = [{ name: 'stuck', mountPath: '/stuck' }];
}

async function evict({ name, kubectl }: Namespace, pod = ''): Promise<void> {
  const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: pod } };
  const path = `/api/v1/namespaces/${name}/pods/${pod}/eviction`;
  await clusterKubectl(['create', '--raw', path, '-f', '-'], JSON.stringify(eviction));
  await kubectl('get', 'pods');
}

function names(history: History): readonly string[] {
  return history.present().map(({ metadata }) => metadata.name);
}

function podNow(history: History, name: string): Pod | undefined {
  return history.present().find(({ metadata }) => metadata.name === name);
}

function statusOf(pod: Pod | undefined) {
  return pod?.status.containerStatuses?.[0];
}

function exitOf(history: History, pod: string): number | undefined {
  return terminationOf(history, pod).exitCode;
}

async function gone(history: History, pod = ''): Promise<void> {
  await history.until(`the end of ${pod}`, () => podNow(history, pod) === undefined, 90_000);
}

async function allGone(history: History): Promise<readonly Termination[]> {
  const pods = names(history);
  for (const pod of pods) await gone(history, pod);
  return pods.map((pod) => terminationOf(history, pod));
}

function expectClean(name: string, terminations: readonly Termination[]): void {
  note(name, terminations);
  expect(terminations).not.toEqual([]);
  for (const { report, warnings } of terminations) {
    expect(report).toMatchObject(CLEAN);
    expect(warnings).not.toContain('FailedPreStopHook');
  }
}

function note(name: string, terminations: readonly Termination[]): void {
  const reports = terminations.map(({ report }) => report);
  record({
    chapter: CHAPTER,
    case: name,
    figures: {
      ...figuresOf(
        reports,
        terminations.map(({ exitCode }) => exitCode),
      ),
      'deletion to exit (s)': terminations.map(({ endedMs }) => (endedMs / 1000).toFixed(1)).join(', '),
      warnings: [...new Set(terminations.flatMap(({ warnings }) => warnings))].join(', ') || '–',
    },
  });
}

function figuresOf(reports: readonly (Report | undefined)[], exitCodes: readonly (number | undefined)[]) {
  return {
    outcome: reports.map((report) => report?.outcome ?? '–').join(', '),
    trigger: reports.map((report) => report?.trigger.kind ?? '–').join(', '),
    'exit code': exitCodes.map((code) => code ?? '–').join(', '),
  };
}
