import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLifecycle, DEFAULTS } from '@prestop/core';
import { consulSettleMs } from '@prestop/registry-adapters/consul';
import { nacosSettleMs } from '@prestop/registry-adapters/nacos';
import { describe, expect, it } from 'vitest';
import { defaultSum, sumsIn } from './support/arithmetic.ts';
import { EXAMPLES, OBJECT_FILES, parse, YAML_FILES } from './support/files.ts';
import { deployments, type PodTemplate, prestopContainer, setting, validate } from './support/objects.ts';
import { expectApplicable, expectTokenHeader } from './support/pod-rules.ts';

const fileNamed = (name: string): (typeof YAML_FILES)[number] => {
  const file = YAML_FILES.find((each) => each.name === name);
  if (file === undefined) throw new Error(`examples/${name} is missing`);
  return file;
};

/** Examples with an image and a base of their own. */
const SERVICES = ['express-consul', 'express-file', 'express-nacos', 'node-http', 'cluster', 'frameworks'];

/** A folder's base, as one set of objects. */
const sets = [
  ...SERVICES.map((name) => `${name}/k8s/base`),
  ...OBJECT_FILES.filter(({ name }) => /^manifests\/[^/]+\.yaml$/.test(name)).map(({ name }) => name),
].map((name) => ({
  name,
  files: OBJECT_FILES.filter((file) => file.name === name || file.name.startsWith(`${name}/`)),
}));

describe.each(YAML_FILES)('examples/$name', ({ text, documents }) => {
  it('means the same to kubectl (YAML 1.1) and to everybody else (1.2)', () => {
    expect(documents.length).toBeGreaterThan(0);
    expect(parse(text, '1.2')).toEqual(documents);
  });

  it('begins by saying what it is for', () => {
    expect(text).toMatch(/^# \S/);
  });

  it('names the header of the token as the code does', () => {
    expectTokenHeader(text);
  });
});

describe.each(OBJECT_FILES)('the objects of examples/$name', ({ documents }) => {
  it('have the schema of the API, without a field it does not know', () => {
    for (const document of documents) validate(document);
  });
});

describe.each(sets)('examples/$name', ({ files }) => {
  const documents = files.flatMap((file) => file.documents);
  const text = files.map((file) => file.text).join('\n');
  const [pod] = deployments(documents);
  const grace = pod?.spec.terminationGracePeriodSeconds ?? Number.NaN;

  it('can be applied: hook, probes, ports, one grace period, hardening, Service, policy and budget', () => {
    expect(deployments(documents)).toHaveLength(1);
    expectApplicable(documents);
  });

  it('says the arithmetic of its grace period, and says it right', () => {
    const [sum, ...more] = sumsIn(text);
    expect(more).toEqual([]);
    expect(sum?.total).toBe(grace);
    expect(sum?.terms.reduce((total, { seconds }) => total + seconds, 0)).toBe(grace);
    if (pod !== undefined && prestopContainer(pod) !== undefined) expect(sum).toEqual(defaultSum(grace));
  });
});

describe('the bases of the examples', () => {
  const nameOf = (example: string): string =>
    deployments(fileNamed(`${example}/k8s/base/deployment.yaml`).documents)[0]?.deployment.metadata?.name ?? '';

  it.each(['service', 'network-policy', 'pod-disruption-budget', 'kustomization'])('have the same %s', (file) => {
    const texts = SERVICES.map((example) =>
      fileNamed(`${example}/k8s/base/${file}.yaml`)
        .text.replaceAll(`examples/${example}`, 'examples/EXAMPLE')
        .replace(/\S+:1\.0\.0/, 'IMAGE')
        .replace(new RegExp(`\\b${nameOf(example)}\\b`, 'g'), 'NAME'),
    );
    expect(new Set(texts).size, texts.join('\n')).toBe(1);
  });

  it('have the same Deployment, but for what each of them is', () => {
    let common: unknown;
    for (const example of SERVICES) {
      const { documents } = fileNamed(`${example}/k8s/base/deployment.yaml`);
      const own = JSON.parse(JSON.stringify(documents).replaceAll(`"${nameOf(example)}"`, '"NAME"'));
      const [{ spec }] = deployments(own) as [PodTemplate];
      for (const container of spec.containers) {
        Object.assign(container, { image: '', command: [], env: container.env?.slice(0, 1) });
      }
      common ??= own;
      expect(own, example).toEqual(common);
    }
  });
  it.each(['istio', 'linkerd'])('have an overlay for %s, which is one component for all', (mesh) => {
    for (const example of SERVICES) {
      expect(fileNamed(`${example}/k8s/overlays/${mesh}/kustomization.yaml`).documents[0], example).toMatchObject({
        resources: ['../../base'],
        components: [`../../../../manifests/${mesh}`],
      });
    }
  });

  it.each(['deployment', 'kustomization'])('with a token have the same %s', (file) => {
    const texts = SERVICES.map((example) =>
      fileNamed(`${example}/k8s/overlays/token/${file}.yaml`)
        .text.replace(`examples/${example}`, 'examples/EXAMPLE')
        .replace(new RegExp(`\\b${nameOf(example)}\\b`, 'g'), 'NAME'),
    );
    expect(new Set(texts).size, texts.join('\n')).toBe(1);
  });

  it('name every framework that the image has', () => {
    const { text } = fileNamed('frameworks/k8s/base/deployment.yaml');
    const scripts = readdirSync(join(EXAMPLES, 'frameworks/src')).filter(
      (file) => !['environment.ts', 'nest-application.ts'].includes(file),
    );
    expect(scripts.length).toBeGreaterThan(0);
    for (const script of scripts) expect(text).toContain(`dist/${script.replace(/ts$/, 'js')}`);
  });
});

describe('a floor in a manifest', () => {
  const floors = OBJECT_FILES.flatMap(({ name, documents }) =>
    deployments(documents).flatMap((pod) => {
      const container = prestopContainer(pod);
      const floor = container && setting(container, 'FLOOR_MS');
      const grace = pod.spec.terminationGracePeriodSeconds;
      return container === undefined || floor === undefined || grace === undefined
        ? []
        : [{ name, floorMs: Number(floor), grace, container }];
    }),
  );

  it('is there wherever a registry and a Service both send callers', () => {
    expect(floors.map(({ name }) => name)).toEqual([
      'express-consul/k8s/base/deployment.yaml',
      'express-nacos/k8s/base/deployment.yaml',
      'manifests/tke.yaml',
    ]);
  });

  it.each(floors)('covers the registry and kube-proxy, and fits: $name', ({ floorMs, grace, container }) => {
    const isConsul = setting(container, 'CONSUL_HTTP_ADDR') !== undefined;
    const registryMs = isConsul ? consulSettleMs.blockingQuery : nacosSettleMs.push;
    expect(floorMs).toBeGreaterThanOrEqual(Math.max(registryMs, DEFAULTS.endpointsSettleMs));
    const options = {
      terminationGracePeriodSeconds: grace,
      floorMs,
      admin: false,
      signals: [],
      logger: false,
    } as const;
    expect(() => createLifecycle({ ...options, start: 'manual' })).not.toThrow();
  });

  it('is explained with the presets of the adapters', () => {
    const consul = fileNamed('express-consul/k8s/base/deployment.yaml').text;
    expect(consul).toContain(`ask Consul know of a removal within ${consulSettleMs.blockingQuery / 1_000} s`);
    expect(consul).toContain(`Only Consul callers: ${consulSettleMs.blockingQuery}.`);
    expect(consul).toContain(`Consul's DNS through CoreDNS: ${consulSettleMs.coreDns}.`);
    const nacos = fileNamed('express-nacos/k8s/base/deployment.yaml').text;
    expect(nacos).toContain(`Nacos tells know of a removal within ${nacosSettleMs.push / 1_000} s`);
    expect(nacos).toContain(`Callers that poll Nacos: ${nacosSettleMs.poll}.`);
    const long = /FLOOR_MS is (?<floor>\d+) and the number (?<grace>\d+):/.exec(nacos)?.groups ?? {};
    expect(long['floor']).toBe(String(nacosSettleMs.springCloudLoadBalancer));
    expect(defaultSum(Number(long['grace'])).terms[0]?.seconds).toBe(nacosSettleMs.springCloudLoadBalancer / 1_000);
  });
});

describe('settings', () => {
  /** Where each service reads its environment, by the name of its container. */
  const readers: Readonly<Record<string, readonly string[]>> = {
    orders: [
      'order-service/src/environment.ts',
      'express-consul/src/environment.ts',
      'express-file/src/environment.ts',
      'express-nacos/src/environment.ts',
      '../packages/registry-adapters/src/consul/environment.ts',
    ],
    hello: ['node-http/src/server.ts'],
    workers: ['cluster/src/server.ts'],
    frameworks: ['frameworks/src/environment.ts'],
  };
  const sources = new Map(
    Object.entries(readers).map(([name, files]) => [
      name,
      files.map((file) => readFileSync(join(EXAMPLES, file), 'utf8')).join('\n'),
    ]),
  );

  interface NamedContainer {
    readonly name: string;
    readonly env: readonly { readonly name: string }[];
  }

  /** Containers of our services, in whole objects and in patches. */
  function ours(node: unknown): NamedContainer[] {
    if (typeof node !== 'object' || node === null) return [];
    const { name = '', env } = node as Partial<NamedContainer>;
    const own = sources.has(name) && env !== undefined ? [{ name, env }] : [];
    return [...own, ...Object.values(node).flatMap(ours)];
  }

  it('are all read by the service, or used in another one', () => {
    const names = new Set<string>();
    for (const { name, documents, text } of YAML_FILES) {
      for (const { name: service, env } of ours(documents)) {
        for (const { name: variable } of env) {
          const isRead = sources.get(service)?.includes(`'${variable}'`) || text.includes(`$(${variable})`);
          expect(isRead, `${name}: nobody reads ${variable}`).toBe(true);
          names.add(variable);
        }
      }
    }
    expect([...names].sort()).toEqual([
      'CONSUL_CACERT',
      'CONSUL_HTTP_ADDR',
      'CONSUL_HTTP_TOKEN_FILE',
      'FLOOR_MS',
      'HOST_IP',
      'NACOS_NAMESPACE',
      'NACOS_PASSWORD',
      'NACOS_SERVER_ADDR',
      'NACOS_USERNAME',
      'POD_IP',
      'POD_NAME',
      'PRESTOP_TOKEN',
      'REGISTRY_DIR',
      'TERMINATION_GRACE_PERIOD_SECONDS',
      'WORKERS',
    ]);
  });
});

describe('nginx', () => {
  it.each(['manifests/nginx.yaml', 'manifests/nginx-quit-and-wait.yaml'])('%s counts with its own timeouts', (name) => {
    const { text } = fileNamed(name);
    const [sleep, requests] = sumsIn(text)[0]?.terms ?? [];
    expect(sleep?.what).toBe('sleep');
    expect(text).toMatch(new RegExp(`\\b(?:seconds: ${sleep?.seconds}$|sleep ${sleep?.seconds};)`, 'm'));
    expect(text).toContain(`worker_shutdown_timeout ${requests?.seconds}s;`);
  });
});

describe('Java', () => {
  it.each(['manifests/java.yaml', 'manifests/java-registry.yaml'])('%s counts with its own timeouts', (name) => {
    const { text, documents } = fileNamed(name);
    const terms = sumsIn(text)[0]?.terms ?? [];
    const seconds = (what: string): number | undefined => terms.find((term) => term.what === what)?.seconds;
    const [container] = deployments(documents).flatMap((pod) => pod.containers);
    expect(container && setting(container, 'SPRING_LIFECYCLE_TIMEOUT_PER_SHUTDOWN_PHASE')).toBe(
      `${seconds('for requests in flight')}s`,
    );
    const { sleep, exec } = container?.lifecycle?.preStop ?? {};
    if (exec === undefined) expect(sleep?.seconds).toBe(seconds('sleep'));
    else {
      const script = exec.command?.at(-1) ?? '';
      expect(script).toContain(`--max-time ${seconds('to deregister')} `);
      expect(script).toMatch(new RegExp(`; sleep ${seconds('for callers that cache')}$`));
    }
  });
});

describe('the component', () => {
  interface Operation {
    readonly path: string;
    readonly value: never;
  }
  const operations = fileNamed('manifests/component/patch.yaml').documents[0] as readonly Operation[];
  const valueAt = (end: string): unknown => operations.find(({ path }) => path.endsWith(end))?.value;

  it('writes one grace period twice, with the arithmetic of the code', () => {
    const grace = valueAt('/terminationGracePeriodSeconds');
    expect(valueAt('/env/-')).toEqual({ name: 'TERMINATION_GRACE_PERIOD_SECONDS', value: String(grace) });
    expect(sumsIn(fileNamed('manifests/component/patch.yaml').text)).toEqual([defaultSum(Number(grace))]);
    const [adopted] = sumsIn(fileNamed('manifests/adopted/kustomization.yaml').text);
    expect(adopted).toEqual(defaultSum(Number(adopted?.total)));
  });

  it("opens the code's admin port and closes it to other pods", () => {
    const port = String(DEFAULTS.admin.port);
    expect(fileNamed('manifests/component/anchors/values.yaml').documents[0]).toMatchObject({
      data: { adminPort: port },
    });
    expect(valueAt('/prestop~1admin-port')).toBe(port);
    expect(fileNamed('manifests/component/network-policy/network-policy.yaml').documents[0]).toMatchObject({
      spec: { podSelector: { matchLabels: { 'prestop/admin-port': port } } },
    });
  });
});

describe('the table of examples/manifests/README.md', () => {
  const rows = readFileSync(join(EXAMPLES, 'manifests/README.md'), 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, link = '', , , grace = ''] = line.split('|').map((cell) => cell.trim());
      const file = /\]\(([^)]+)\)/.exec(link)?.[1];
      return file === undefined || !line.startsWith('| [') ? [] : [{ file: `manifests/${file}`, grace }];
    });

  it('has every file that can be applied', () => {
    const applicable = OBJECT_FILES.filter(({ name }) => /^manifests\/[^/]+$/.test(name)).map(({ name }) => name);
    expect(rows.map(({ file }) => file)).toEqual(expect.arrayContaining(applicable));
  });

  it.each(rows.filter(({ grace }) => grace !== ''))('says the grace period of $file', ({ file, grace }) => {
    const { text } = fileNamed(
      file === 'manifests/component/kustomization.yaml' ? 'manifests/component/patch.yaml' : file,
    );
    expect(`${sumsIn(text)[0]?.total} s`).toBe(grace);
  });
});

describe('the images', () => {
  const dockerfileOf = (name: string): string => readFileSync(join(EXAMPLES, name, 'Dockerfile'), 'utf8');

  it.each(SERVICES)('%s starts what its manifest starts, as the user of its manifest', (name) => {
    const dockerfile = dockerfileOf(name);
    const [pod] = deployments(fileNamed(`${name}/k8s/base/deployment.yaml`).documents);
    const container = pod && prestopContainer(pod);
    expect(dockerfile).toContain(`\nCMD ${JSON.stringify(container?.command).replaceAll(',', ', ')}\n`);
    expect(dockerfile).toContain(`\nUSER ${pod?.spec.securityContext?.runAsUser}\n`);
    expect(dockerfile).toContain(`docker build -f examples/${name}/Dockerfile -t ${container?.image} .\n`);
    expect(fileNamed(`${name}/k8s/base/kustomization.yaml`).text).toContain(
      `docker build -f examples/${name}/Dockerfile -t ${container?.image} .\n`,
    );
  });

  it('differ in nothing but the example', () => {
    const same = (name: string): string =>
      dockerfileOf(name)
        .replace(/\S+:1\.0\.0/, 'IMAGE')
        .replaceAll(name, 'EXAMPLE')
        .replace(/"dist\/[\w-]+\.js"/, 'SCRIPT');
    expect(new Set(SERVICES.map(same)).size).toBe(1);
  });
});
