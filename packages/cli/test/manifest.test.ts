import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLifecycle } from '@prestop/core';
import { Deployment } from 'kubernetes-models/apps/v1';
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1';
import { Service } from 'kubernetes-models/v1';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import {
  defaultReserve,
  fix,
  lint,
  type ManifestOptions,
  REGISTRIES,
  renderManifest,
  SDK_DEFAULTS,
} from '../src/index.ts';
import { folder } from './support/folder.ts';
import { prestop } from './support/io.ts';

const BASE = { name: 'orders', port: 3000 } as const;

const VARIANTS: readonly (readonly [string, ManifestOptions])[] = [
  ...REGISTRIES.map((registry) => [registry, { ...BASE, registry }] as const),
  [
    'a long grace period',
    { ...BASE, registry: 'consul', graceSeconds: 120, longestRequestSeconds: 60, closersSeconds: 20 },
  ],
  ['the shortest grace period', { ...BASE, registry: 'none', graceSeconds: 8 }],
  ['the shortest grace period with Nacos', { ...BASE, registry: 'nacos', graceSeconds: 15 }],
  ['a floor of its own', { ...BASE, registry: 'nacos', graceSeconds: 65, floorSeconds: 36 }],
  ['no floor', { ...BASE, registry: 'none', floorSeconds: 0 }],
  ['a token', { ...BASE, registry: 'nacos', tokenSecret: 'orders-admin' }],
  [
    'another admin port',
    { ...BASE, registry: 'file', adminPort: 9191, tokenSecret: 'orders-admin', registryAddress: '/mnt/registry' },
  ],
  ['one replica and an image', { ...BASE, registry: 'none', replicas: 1, image: 'ghcr.io/acme/orders@sha256:0a1b' }],
  ['a name that YAML would take for something else', { ...BASE, name: 'on', registry: 'consul' }],
  ['a registry elsewhere', { ...BASE, registry: 'consul', registryAddress: 'https://consul.example.com:8501' }],
];

// biome-ignore lint/suspicious/noExplicitAny: a parsed manifest has no type before it is validated
type Json = any;

function objects(yaml: string): Json[] {
  return parseAllDocuments(yaml).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS();
  });
}

describe.each(VARIANTS)('the pair for %s', (_, options) => {
  const { yaml, code } = renderManifest(options);
  const [deployment, service, policy, budget] = objects(yaml);
  const pod = deployment.spec.template.spec;
  const [container] = pod.containers;

  it('is valid by the schemas of Kubernetes', () => {
    new Deployment(deployment).validate();
    new Service(service).validate();
    new NetworkPolicy(policy).validate();
    new PodDisruptionBudget(budget).validate();
    expect(objects(yaml)).toHaveLength(4);
  });

  it('has nothing in it that prestop lint would find or mend', () => {
    expect(lint([{ file: 'a.yaml', text: yaml }])).toMatchObject({ findings: [], problems: [] });
    expect(fix([{ file: 'a.yaml', text: yaml }]).outputs[0]?.text).toBe(yaml);
  });

  it('has one number for the grace period, and the sum beside it', () => {
    const grace = options.graceSeconds ?? 30;
    expect(pod.terminationGracePeriodSeconds).toBe(grace);
    expect(container.env).toContainEqual({ name: SDK_DEFAULTS.graceSetting, value: String(grace) });
    expect(code).toContain(`process.env['TERMINATION_GRACE_PERIOD_SECONDS'] ?? ${grace}`);
    for (const text of [yaml, code]) {
      const sum = /(\d+) s = (.+)/.exec(text);
      const parts = [...(sum?.[2] ?? '').matchAll(/(\d+) s/g)].map(([, number]) => Number(number));
      expect(Number(sum?.[1])).toBe(grace);
      expect(parts.reduce((total, part) => total + part, 0)).toBe(grace);
      expect(parts[0]).toBeGreaterThanOrEqual(options.floorSeconds ?? (options.registry === 'nacos' ? 11 : 5));
      expect(parts[1]).toBeGreaterThanOrEqual(options.longestRequestSeconds ?? 1);
    }
  });

  it('gives the SDK the same split as the sum, which it takes', () => {
    const number = (name: string): number | undefined => {
      const match = new RegExp(`${name}: (\\d+),`).exec(code)?.[1];
      return match === undefined ? undefined : Number(match);
    };
    const { longestRequestSeconds, closersSeconds, graceSeconds = 30, registry } = options;
    const reserveMs = number('reserveMs');
    const minDrainMs = number('minDrainMs');
    expect(reserveMs === undefined).toBe(closersSeconds === undefined);
    // With a registry the SDK would take the registry's floor alone, and the Service has callers as well.
    const floorMs = number('floorMs');
    expect(floorMs === undefined).toBe(registry === 'none' && options.floorSeconds === undefined);
    const lifecycle = createLifecycle({
      terminationGracePeriodSeconds: graceSeconds,
      ...(floorMs === undefined ? {} : { floorMs }),
      ...(reserveMs === undefined ? {} : { reserveMs }),
      ...(minDrainMs === undefined ? {} : { minDrainMs }),
      admin: false,
      signals: [],
      logger: false,
      start: 'manual',
    });
    expect(lifecycle).toBeDefined();
    const kept =
      (minDrainMs ?? (graceSeconds * 1000 - (reserveMs ?? defaultReserve(graceSeconds) * 1000)) * 0.4) / 1000;
    expect(kept).toBeGreaterThanOrEqual(longestRequestSeconds ?? 1);
  });

  it('calls the hook on the admin port, which no Service and no policy opens', () => {
    const admin = options.adminPort ?? 9090;
    expect(container.ports).toEqual([
      { name: 'http', containerPort: 3000 },
      { name: 'admin', containerPort: admin },
    ]);
    expect(container.lifecycle.preStop).toEqual(
      options.tokenSecret === undefined
        ? { httpGet: { path: '/prestop', port: 'admin' } }
        : { exec: { command: ['node', 'node_modules/prestop/dist/bin.js', 'hook', 'prestop'] } },
    );
    expect(service.spec.ports).toEqual([{ name: 'http', port: 3000, targetPort: 'http' }]);
    expect(policy.spec.ingress).toEqual([{ ports: [{ protocol: 'TCP', port: 'http' }] }]);
    expect(container.readinessProbe.httpGet).toEqual({ path: '/readyz', port: 'admin' });
    expect(container.livenessProbe.httpGet).toEqual({ path: '/livez', port: 'admin' });
    expect(container.startupProbe.httpGet).toEqual({ path: '/livez', port: 'admin' });
  });

  it('replaces pods one by one, runs node itself, without rights and without a writable disk', () => {
    expect(deployment.spec.strategy.rollingUpdate).toEqual({ maxSurge: 1, maxUnavailable: 0 });
    expect(budget.spec.maxUnavailable).toBe(1);
    expect(container.command).toEqual(['node', 'dist/server.js']);
    expect(pod.securityContext.runAsNonRoot).toBe(true);
    expect(container.securityContext).toMatchObject({ readOnlyRootFilesystem: true, allowPrivilegeEscalation: false });
  });

  it('attaches the server that the Service calls, after the middleware', () => {
    expect(code).toContain('lifecycle.attach(app.listen(3000));');
    expect(code.indexOf('app.use(prestop(lifecycle))')).toBeLessThan(code.indexOf('app.get('));
    expect(code.includes('admin:')).toBe(options.adminPort !== undefined || options.tokenSecret !== undefined);
    expect(code.includes('@prestop/registry-adapters')).toBe(options.registry !== 'none');
  });
});

describe('what belongs to a registry', () => {
  const env = (options: ManifestOptions): Json[] =>
    objects(renderManifest(options).yaml)[0].spec.template.spec.containers[0].env;

  it("Consul's agent is the one of the own node", () => {
    expect(env({ ...BASE, registry: 'consul' })).toEqual(
      expect.arrayContaining([
        { name: 'HOST_IP', valueFrom: { fieldRef: { fieldPath: 'status.hostIP' } } },
        { name: 'CONSUL_HTTP_ADDR', value: 'http://$(HOST_IP):8500' },
      ]),
    );
    expect(
      env({ ...BASE, registry: 'consul', registryAddress: 'https://c:8501' }).map(({ name }) => name),
    ).not.toContain('HOST_IP');
  });

  it("Nacos' servers and the shared folder come from the environment", () => {
    expect(env({ ...BASE, registry: 'nacos' })).toContainEqual({ name: 'NACOS_SERVER_ADDR', value: 'nacos:8848' });
    expect(env({ ...BASE, registry: 'file' })).toContainEqual({ name: 'REGISTRY_DIR', value: '/registry' });
  });

  it('the token comes from the Secret', () => {
    expect(env({ ...BASE, registry: 'none', tokenSecret: 'orders-admin' })).toContainEqual({
      name: 'PRESTOP_TOKEN',
      valueFrom: { secretKeyRef: { name: 'orders-admin', key: 'token' } },
    });
  });
});

describe('how stale callers may be', () => {
  it.each([
    ['none', undefined],
    ['file', 'floorMs: 5000, // callers of the Service may be that stale'],
    ['consul', 'floorMs: 5000, // callers of the Service may be that stale'],
    ['nacos', 'floorMs: 11000, // callers that poll nacos may be that stale'],
  ] as const)('%s', (registry, line) => {
    const { code } = renderManifest({ ...BASE, registry });
    if (line === undefined) expect(code).not.toContain('floorMs');
    else expect(code).toContain(`  ${line}\n`);
  });

  it('is in the annotation that lint adds up, where it is not the default', () => {
    const yaml = renderManifest({ ...BASE, registry: 'nacos' }).yaml;
    expect(yaml).toContain('prestop/floor-seconds: "11"');
    expect(renderManifest({ ...BASE, registry: 'consul' }).yaml).not.toContain('floor-seconds');
    const shorter = yaml.replace('PeriodSeconds: 30', 'PeriodSeconds: 20').replace('value: "30"', 'value: "20"');
    expect(lint([{ file: 'a.yaml', text: shorter }]).findings.map(({ code }) => code)).toEqual(['PS024']);
  });
});

describe('refused', () => {
  it.each([
    [
      { ...BASE, registry: 'none', graceSeconds: 7 },
      /--grace 7 is too short: a termination takes up to 8 s \(5 floor \+ 1 longest request \+ 2 reserve\)/,
    ],
    [
      { ...BASE, registry: 'none', longestRequestSeconds: 25 },
      /--grace 30 is too short: a termination takes up to 35 s/,
    ],
    [{ ...BASE, registry: 'none', name: 'Orders' }, /--name must be a DNS label.*"Orders"/],
    [{ ...BASE, registry: 'none', name: '9lives' }, /--name/],
    [{ ...BASE, registry: 'none', port: 9090 }, /--admin-port must be another one than --port/],
    [{ ...BASE, registry: 'none', port: 0 }, /--port must be/],
    [{ ...BASE, registry: 'none', graceSeconds: 30.5 }, /--grace must be whole seconds/],
    [{ ...BASE, registry: 'none', floorSeconds: -1 }, /--floor must be whole seconds/],
    [{ ...BASE, registry: 'nacos', graceSeconds: 14 }, /--grace 14 is too short: .* \(11 floor \+ 1 longest/],
    [{ ...BASE, registry: 'none', image: 'a b' }, /--image/],
    [{ ...BASE, registry: 'none', replicas: 0 }, /--replicas/],
    [{ ...BASE, registry: 'none', tokenSecret: 'a/b' }, /--token-secret/],
    [{ ...BASE, registry: 'nacos', registryAddress: "a'b\n" }, /--registry-address/],
  ] satisfies [ManifestOptions, RegExp][])('%j', (options, message) => {
    expect(() => renderManifest(options)).toThrow(message);
  });

  it.each(REGISTRIES)('and the grace period that is named as enough is enough: %s', (registry) => {
    for (let longestRequestSeconds = 1; longestRequestSeconds < 40; longestRequestSeconds++) {
      let hint = '';
      try {
        renderManifest({ ...BASE, registry, graceSeconds: 2, longestRequestSeconds });
      } catch (error) {
        hint = (error as { hint?: string }).hint ?? '';
      }
      const graceSeconds = Number(/--grace (\d+) is enough/.exec(hint)?.[1]);
      const { yaml } = renderManifest({ ...BASE, registry, graceSeconds, longestRequestSeconds });
      expect(lint([{ file: 'a.yaml', text: yaml }]).findings).toEqual([]);
      expect(() =>
        renderManifest({ ...BASE, registry, graceSeconds: graceSeconds - 1, longestRequestSeconds }),
      ).toThrow();
    }
  });
});

describe('the command', () => {
  const args = ['manifest', '--name', 'orders', '--port', '3000', '--registry', 'consul'];

  it('prints both parts, or one', async () => {
    const { yaml, code } = renderManifest({ ...BASE, registry: 'consul' });
    expect(await prestop(args)).toEqual({
      code: 0,
      stderr: '',
      stdout: `# k8s/orders.yaml\n${yaml}\n// src/server.ts\n${code}`,
    });
    expect((await prestop([...args, '--only', 'yaml'])).stdout).toBe(yaml);
    expect((await prestop([...args, '--only', 'code'])).stdout).toBe(code);
  });

  it('writes both into a folder, and overwrites only by force', async () => {
    const cwd = folder();
    expect(await prestop([...args, '--out', 'new/orders'], { cwd })).toMatchObject({
      code: 0,
      stdout: '',
      stderr: 'wrote new/orders/k8s/orders.yaml\nwrote new/orders/src/server.ts\n',
    });
    const again = await prestop([...args, '--grace', '60', '--out', 'new/orders'], { cwd });
    expect(again.code).toBe(3);
    expect(again.stderr).toContain('prestop: new/orders/k8s/orders.yaml exists already; nothing was written');
    expect((await prestop([...args, '--grace', '60', '--out', 'new/orders', '--force'], { cwd })).code).toBe(0);
    expect(readFileSync(join(cwd, 'new/orders/k8s/orders.yaml'), 'utf8')).toContain(
      'terminationGracePeriodSeconds: 60',
    );
    expect(existsSync(join(cwd, 'new/orders/src/server.ts'))).toBe(true);
  });

  it.each([
    [['manifest'], 'manifest needs --name and --port and --registry'],
    [[...args, '--grace', '5'], '--grace 8 is enough'],
    [[...args.slice(0, -1), 'etcd'], '--registry must be one of consul, nacos, file, none, not "etcd"'],
    [[...args, 'more'], 'manifest takes options only: "more"'],
    [[...args, '--only', 'yaml', '--out', 'x'], '--only is for standard output'],
    [[...args, '--replica', '3'], 'did you mean --replicas?'],
  ])('%j is a usage error', async (line, words) => {
    const { code, stdout, stderr } = await prestop(line);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(words);
  });
});
