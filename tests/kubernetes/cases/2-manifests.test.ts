import { describe, expect, it } from 'vitest';
import { dockerfiles } from '../src/images/build.ts';
import { expectClean, figuresOf } from '../support/clean.ts';
import { record } from '../support/evidence.ts';
import { applyArguments, PUBLISHED, published } from '../support/manifests.ts';
import { inNamespace, type Namespace } from '../support/namespace.ts';
import { isDeployment, type KubeObject } from '../support/objects.ts';
import { startedAndDeleted } from '../support/pods.ts';

const TOKEN = 'a-token-for-this-case';
const REPORT_ON_HOST = 'manifests/report-on-host.yaml';
/** With a registry they are the subject of other cases; without its mesh an overlay adds annotations only. */
const NOT_STARTED = /^express-(consul|nacos)\/|\/(istio|linkerd)$|^manifests\/tke\.yaml$/;
const ours = new Set([...dockerfiles().values()].map(({ image }) => image));

describe('the API server', () => {
  it('accepts every manifest of the examples, with strict fields', () =>
    inNamespace(async ({ kubectl }) => {
      for (const path of PUBLISHED) {
        const said = await kubectl('apply', '--dry-run=server', '--validate=strict', ...applyArguments(path));
        expect(said.trim().split('\n'), path).toHaveLength((await published(path)).length);
      }
    }));
});

/** Those with nothing but our images. */
const startable = (await Promise.all(PUBLISHED.map(async (path) => ({ path, objects: await published(path) }))))
  .filter(({ path, objects }) => !NOT_STARTED.test(path) && imagesOf(objects).every((image) => ours.has(image)))
  .map(({ path }) => path);

describe.concurrent.each(startable)('examples/%s, applied as it is', (path) => {
  it('starts, and its pods end clean by its hook when it is deleted', () =>
    inNamespace(async (namespace) => {
      const { kubectl } = namespace;
      const [name = ''] = (await published(path)).filter(isDeployment).map(({ metadata }) => metadata.name);
      await kubectl('create', 'secret', 'generic', `${name}-prestop`, `--from-literal=token=${TOKEN}`);
      await kubectl('apply', ...applyArguments(path));
      const terminations = await startedAndDeleted(namespace, name);
      record({ chapter: 'Manifests', case: `examples/${path}`, figures: figuresOf(terminations) });
      expect(terminations).toHaveLength(2);
      expectClean(terminations);
      if (path !== REPORT_ON_HOST) return;
      for (const { pod } of terminations) expect(await reportOnHost(namespace, pod)).toBe('drained');
    }));
});

function imagesOf(objects: readonly KubeObject[]): readonly string[] {
  return [...JSON.stringify(objects).matchAll(/"image":"([^"]+)"/g)].map(([, image = '']) => image);
}

/** The outcome in the report that the hook has left on the node: it was answered before the signal, and the exit. */
async function reportOnHost({ kubectl, history }: Namespace, pod: string): Promise<string> {
  const name = `read-${pod}`;
  const volumes = [{ name: 'host', hostPath: { path: '/var/log/prestop' } }];
  const overrides = {
    spec: {
      volumes,
      containers: [
        {
          name,
          image: 'orders:1.0.0',
          command: ['cat', `/host/${pod}/report.json`],
          volumeMounts: [{ name: 'host', mountPath: '/host' }],
          securityContext: { runAsUser: 0 },
        },
      ],
    },
  };
  await kubectl('run', name, '--image=orders:1.0.0', '--restart=Never', `--overrides=${JSON.stringify(overrides)}`);
  const line = await history.until('the report', () => history.said(name)[0]);
  return (
    JSON.parse(
      history
        .said(name)
        .map(({ text }) => text)
        .join('') || line.text,
    ) as { outcome: string }
  ).outcome;
}
