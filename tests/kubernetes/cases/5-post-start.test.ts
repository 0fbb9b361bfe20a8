import { describe, expect, it } from 'vitest';
import { expectClean, figuresOf } from '../support/clean.ts';
import { record } from '../support/evidence.ts';
import { deploymentOf, published, serviceContainer } from '../support/manifests.ts';
import { inNamespace } from '../support/namespace.ts';
import { allGone, names, podNow, statusOf } from '../support/pods.ts';
import { explain } from '../support/prestop-report.ts';
import { PROBE_PORT, probePod } from '../support/probe-service.ts';

const CHAPTER = 'postStart';

describe.concurrent('a postStart hook that fails', () => {
  const hooks: readonly { readonly name: string; readonly postStart: object }[] = [
    {
      name: 'httpGet against a server that does not listen yet',
      postStart: { httpGet: { path: '/', port: PROBE_PORT } },
    },
    { name: 'exec that fails', postStart: { exec: { command: ['sh', '-c', 'exit 1'] } } },
  ];
  it.each(hooks)(
    '$name: the container is killed and restarted, and prestop report explains it',
    ({ name, postStart }) =>
      inNamespace(async ({ apply, history, kubectl }) => {
        const pod = probePod('pod', {}, 5, undefined);
        pod.spec['restartPolicy'] = 'Always';
        const [container] = pod.spec.containers;
        if (container !== undefined) container.lifecycle = { postStart };
        await apply([pod]);
        await history.until('the event', () => history.reasons('pod').includes('FailedPostStartHook'));
        await history.until('the restart', () => (statusOf(podNow(history, 'pod'))?.restartCount ?? 0) > 0);

        const { words, complaints } = explain({
          'events.json': await kubectl('get', 'events', '-o', 'json'),
          'pods.json': await kubectl('get', 'pods', '-o', 'json'),
        });
        record({
          chapter: CHAPTER,
          case: name,
          figures: {
            warnings: history.warnings('pod').join(', '),
            'prestop report complains of': complaints.join(', '),
          },
        });
        expect(complaints).toContain('error: The postStart hook failed, and the kubelet restarts the container');
        expect(words).toContain('Event FailedPostStartHook of Pod');
        expect(words).toContain('container service: PostStartHook failed');
      }),
  );
});

describe('a postStart hook that works', () => {
  it('keeps the container from running before it has ended: prestop hook poststart', () =>
    inNamespace(async ({ apply, history, kubectl }) => {
      const objects = await published('manifests/exec-hook.yaml');
      const container = serviceContainer(deploymentOf(objects));
      container.command = ['sh', '-c', 'sleep 3; exec node dist/server.js'];
      await kubectl('create', 'secret', 'generic', 'orders-prestop', '--from-literal=token=a-token-for-this-case');
      await apply(objects);
      await kubectl('rollout', 'status', 'deployment/orders', '--timeout=120s');
      const pods = names(history);
      for (const pod of pods) {
        const created = history.events.find(({ object }) => {
          return object.involvedObject.name === pod && object.reason === 'Created';
        });
        const running = history.firstPod(pod, (object) => statusOf(object)?.state.running !== undefined);
        expect((running?.atMs ?? 0) - (created?.atMs ?? 0)).toBeGreaterThan(2_500);
        expect(statusOf(podNow(history, pod))?.restartCount).toBe(0);
      }
      await kubectl('delete', 'deployment/orders', '--wait=false');
      const terminations = await allGone(history);
      record({ chapter: CHAPTER, case: 'exec that works: prestop hook poststart', figures: figuresOf(terminations) });
      expectClean(terminations);
    }));
});
