import { describe, expect, it } from 'vitest';
import { type ManifestChoice, type ManifestPod, podInManifest, readManifest } from '../../src/drill/manifest.ts';
import { folder } from '../support/folder.ts';

interface Parts {
  readonly container?: string;
  readonly pod?: string;
  readonly name?: string;
}

const indent = (text: string, by: number) => text.replaceAll(/^(?=.)/gm, ' '.repeat(by));

function deployment({ container = '', pod = '', name = 'orders' }: Parts): string {
  return `apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name} }
spec:
  template:
    spec:
${indent(pod, 6)}
      containers:
        - name: ${name}
          image: ${name}:1
${indent(container, 10)}
`;
}

const read = (text: string, choice: Partial<ManifestChoice> = {}): ManifestPod =>
  podInManifest('k8s.yaml', text, { allowExec: false, ...choice });

describe('a manifest', () => {
  it('gives hook, probes, ports, settings and grace period', () => {
    const pod = read(
      deployment({
        pod: 'terminationGracePeriodSeconds: 45',
        container: `ports:
  - { name: admin, containerPort: 9090 }
  - { name: http, containerPort: 3000 }
env:
  - { name: PORT, value: "3000" }
  - { name: LISTEN_ADMIN, value: "9090" }
  - { name: POD_IP, valueFrom: { fieldRef: { fieldPath: status.podIP } } }
  - { name: BASE, value: "http://$(POD_IP):$(PORT)/$(NOBODY)" }
  - { name: SECRET, valueFrom: { secretKeyRef: { name: s, key: k } } }
lifecycle:
  preStop:
    httpGet: { port: admin, path: /prestop, httpHeaders: [{ name: X-Prestop-Token, value: abc }] }
readinessProbe: { httpGet: { port: admin, path: /readyz }, periodSeconds: 2, failureThreshold: 1 }
startupProbe: { tcpSocket: { port: http }, periodSeconds: 1, failureThreshold: 30 }
livenessProbe: { httpGet: { port: admin, path: /livez }, timeoutSeconds: 5, terminationGracePeriodSeconds: 10 }`,
      }),
    );
    expect(pod).toEqual({
      title: 'Deployment/orders, container orders',
      graceSeconds: 45,
      livenessGraceSeconds: 10,
      // Where callers call comes first, whatever the order of the manifest.
      ports: [
        { settings: ['PORT'], declared: 3000 },
        { settings: ['LISTEN_ADMIN'], declared: 9090 },
      ],
      hook: { kind: 'http', slot: 1, path: '/prestop', headers: { 'x-prestop-token': 'abc' } },
      readiness: { kind: 'http', slot: 1, path: '/readyz' },
      readinessPeriod: { periodSeconds: 2, timeoutSeconds: 1, failureThreshold: 1 },
      startup: {
        asks: { kind: 'tcp', slot: 0 },
        period: { periodSeconds: 1, timeoutSeconds: 1, failureThreshold: 30 },
      },
      liveness: {
        asks: { kind: 'http', slot: 1, path: '/livez' },
        period: { periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3 },
      },
      env: {
        PORT: '3000',
        LISTEN_ADMIN: '9090',
        POD_IP: '127.0.0.1',
        BASE: 'http://127.0.0.1:3000/$(NOBODY)',
      },
      notes: ['SECRET comes from Secret s and is not set; --env SECRET=… sets it'],
    });
  });

  describe('and the objects beside it', () => {
    const objects = `---
apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: Secret
    metadata: { name: orders-prestop }
    data: { token: ${Buffer.from('encoded-token').toString('base64')}, other: eA== }
    stringData: { plain: as it is }
  - apiVersion: v1
    kind: ConfigMap
    metadata: { name: orders }
    data: { LEVEL: debug, COLOUR: blue }
  - apiVersion: v1
    kind: ConfigMap
    metadata: { name: other, namespace: elsewhere }
    data: { LEVEL: none }
`;
    const container = `env:
  - { name: PRESTOP_TOKEN, valueFrom: { secretKeyRef: { name: orders-prestop, key: token } } }
  - { name: PLAIN, valueFrom: { secretKeyRef: { name: orders-prestop, key: plain } } }
  - { name: COLOUR, value: red }
  - { name: MISSING, valueFrom: { configMapKeyRef: { name: other, key: LEVEL } } }
envFrom:
  - { configMapRef: { name: orders } }
  - { prefix: S_, secretRef: { name: orders-prestop } }
  - { secretRef: { name: nobody } }
lifecycle: { preStop: { exec: { command: [prestop, hook, prestop] } } }`;
    const text = `${deployment({ container })}${objects}`;

    it('give the settings that come from ConfigMaps and Secrets, the token of the hook among them', () => {
      const pod = read(text);
      expect(pod.env).toEqual({
        PRESTOP_TOKEN: 'encoded-token',
        PLAIN: 'as it is',
        COLOUR: 'red',
        LEVEL: 'debug',
        S_token: 'encoded-token',
        S_other: 'x',
        S_plain: 'as it is',
      });
      expect(pod.hook).toMatchObject({ kind: 'http', headers: { 'x-prestop-token': 'encoded-token' } });
      expect(pod.notes).toEqual([
        'Secret nobody is not in the manifest; --env sets what it would set',
        'MISSING comes from ConfigMap other and is not set; --env MISSING=… sets it',
        'the command of the hook asks /prestop; the drill asks it itself',
      ]);
    });

    it('count less than what is given by hand, which the hook is sent as well', () => {
      const pod = read(text, { env: { PRESTOP_TOKEN: 'by-hand-1', MISSING: 'here' } });
      expect(pod.env).toMatchObject({ PRESTOP_TOKEN: 'by-hand-1', MISSING: 'here' });
      expect(pod.hook).toMatchObject({ headers: { 'x-prestop-token': 'by-hand-1' } });
      expect(pod.notes.join()).not.toContain('MISSING');
    });
  });

  it('has Kubernetes own defaults where it says nothing', () => {
    const pod = read(deployment({ container: 'ports: [{ containerPort: 8080 }]' }));
    expect(pod).toMatchObject({
      graceSeconds: 30,
      ports: [{ settings: ['PORT'], declared: 8080 }],
      hook: { kind: 'none' },
      readiness: { kind: 'auto' },
      readinessPeriod: { periodSeconds: 10, timeoutSeconds: 1, failureThreshold: 3 },
    });
    expect(pod).not.toHaveProperty('livenessGraceSeconds');
    expect(pod.startup ?? pod.liveness).toBeUndefined();
  });

  it('says which probe it cannot play', () => {
    const pod = read(
      deployment({
        container: `ports: [{ containerPort: 8080 }]
startupProbe: { exec: { command: ['true'] } }
readinessProbe: { grpc: { port: 8080 } }
livenessProbe: { httpGet: { port: nowhere }, periodSeconds: 0 }`,
      }),
    );
    expect(pod).toMatchObject({ readiness: { kind: 'auto' } });
    expect(pod.startup ?? pod.liveness).toBeUndefined();
    expect(pod.notes).toEqual([
      'the readinessProbe is no httpGet and no tcpSocket; found out instead',
      'the startupProbe is no httpGet and no tcpSocket; not asked',
      'the port of the livenessProbe cannot be resolved; not asked',
    ]);
  });

  describe('with a hook on the port that callers call', () => {
    const container = (name: string) => `ports: [{ ${name}containerPort: 3000 }, { containerPort: 9100 }]
lifecycle: { preStop: { httpGet: { port: 3000, path: /drain } } }
readinessProbe: { httpGet: { port: 9100 } }`;
    const declared = ({ ports }: ManifestPod) => ports.map((slot) => slot.declared);

    it('follows the names of the ports', () => {
      const pod = read(deployment({ container: container('name: http, ') }));
      expect(declared(pod)).toEqual([3000, 9100]);
      expect([pod.hook, pod.readiness]).toMatchObject([{ slot: 0 }, { slot: 1 }]);
      expect(pod.notes).toEqual([]);
    });

    it('says what it takes where they have none, and takes what it is told', () => {
      const pod = read(deployment({ container: container('') }));
      expect(declared(pod)).toEqual([9100, 3000]);
      expect(pod.notes).toEqual(['callers call port 9100; --port names another one']);
      const told = read(deployment({ container: container('') }), { ports: ['3000'] });
      expect(declared(told)).toEqual([3000, 9100]);
      expect([told.hook, told.readiness]).toMatchObject([{ slot: 0 }, { slot: 1 }]);
      expect(told.notes).toEqual([]);
    });
  });

  it('takes a port that only the hook names for one more', () => {
    const pod = read(
      deployment({
        container:
          'ports: [{ containerPort: 3000 }]\nlifecycle: { preStop: { httpGet: { port: 9090, path: /prestop, scheme: HTTPS } } }',
      }),
    );
    expect(pod.ports).toEqual([
      { settings: ['PORT'], declared: 3000 },
      { settings: ['ADMIN_PORT'], declared: 9090 },
    ]);
    expect(pod.hook).toEqual({ kind: 'http', slot: 1, path: '/prestop', scheme: 'HTTPS' });
  });

  it.each([
    ['preStop: { sleep: { seconds: 5 } }', { kind: 'sleep', seconds: 5 }],
    ['preStop: { exec: { command: [sh, -c, sleep 10] } }', { kind: 'sleep', seconds: 10 }],
    [
      'preStop: { exec: { command: [prestop, hook, prestop, --port, "9191"] } }',
      { kind: 'http', slot: 0, path: '/prestop' },
    ],
    ['preStop: { tcpSocket: { port: 1 } }', { kind: 'none' }],
  ])('plays %s', (preStop, hook) => {
    expect(read(deployment({ container: `lifecycle: { ${preStop} }` })).hook).toEqual(hook);
  });

  it('runs a command only when it may', () => {
    const text = deployment({ container: 'lifecycle: { preStop: { exec: { command: [/bin/drain, --fast] } } }' });
    expect(() => read(text)).toThrow('runs a command: /bin/drain --fast');
    expect(read(text, { allowExec: true }).hook).toEqual({ kind: 'exec', command: ['/bin/drain', '--fast'] });
    expect(read(text, { hookIsGiven: true }).hook).toEqual({ kind: 'none' });
  });

  it('chooses the pod and the container that are asked for', () => {
    const two = `${deployment({ name: 'orders' })}---\n${deployment({ name: 'stock', container: 'ports: [{ containerPort: 1 }]' })}`;
    expect(() => read(two)).toThrow('several workloads: Deployment/orders, Deployment/stock');
    expect(read(two, { workload: 'stock' }).title).toBe('Deployment/stock, container stock');
    expect(read(two, { workload: 'Deployment/orders' }).title).toBe('Deployment/orders, container orders');
    expect(() => read(two, { workload: 'other' })).toThrow('no workload "other"');
    const sidecar = deployment({}).replace(
      'containers:',
      'containers:\n        - { name: log, image: log }\n        - { name: app, image: app, lifecycle: { preStop: { sleep: { seconds: 1 } } } }',
    );
    expect(read(sidecar).title).toBe('Deployment/orders, container app');
    expect(read(sidecar, { container: 'log' }).title).toBe('Deployment/orders, container log');
    expect(() => read(sidecar, { container: 'db' })).toThrow('no container "db"');
  });

  it.each([
    ['kind: [', /^k8s\.yaml:1: /],
    ['apiVersion: v1\nkind: Service\nmetadata: { name: a }\n', 'k8s.yaml has no pod in it'],
    [
      deployment({ container: 'lifecycle: { preStop: { httpGet: { port: nowhere } } }' }),
      'the port of the preStop hook cannot be resolved',
    ],
    [
      deployment({ container: 'lifecycle: { preStop: { sleep: { seconds: 31 } } }' }),
      'the preStop hook of Deployment/orders must not sleep longer than terminationGracePeriodSeconds, 30, not 31',
    ],
  ])('refuses what it cannot play', (text, message) => {
    expect(() => read(text)).toThrow(message);
  });
});

it('a folder is read as kubectl apply reads it: what lies right in it', async () => {
  const cwd = folder({
    'k8s/deployment.yaml': deployment({}),
    'k8s/service.yml': 'apiVersion: v1\nkind: Service\nmetadata: { name: orders }\n',
    'k8s/README.md': 'kind: [',
    'k8s/overlays/deployment.yaml': deployment({}),
    'empty/more/deployment.yaml': deployment({}),
  });
  const pod = await readManifest('k8s', cwd, { allowExec: false });
  expect(pod.title).toBe('Deployment/orders, container orders');
  await expect(readManifest('empty', cwd, { allowExec: false })).rejects.toThrow('empty has no YAML file right in it');
  await expect(readManifest('none', cwd, { allowExec: false })).rejects.toThrow('cannot read none: no such file');
});
