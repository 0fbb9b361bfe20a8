import { DEFAULTS, ENDPOINTS, TOKEN_HEADER } from '@prestop/core';
import type { INetworkPolicy, INetworkPolicyPort } from 'kubernetes-models/networking.k8s.io/v1';
import type { IPodDisruptionBudget } from 'kubernetes-models/policy/v1';
import type { IService } from 'kubernetes-models/v1';
import { expect } from 'vitest';
import { type Container, deployments, objectsOf, type PodTemplate, prestopContainer, setting } from './objects.ts';

const GRACE_SETTING = 'TERMINATION_GRACE_PERIOD_SECONDS';
const BIN = 'node_modules/prestop/dist/bin.js';

/**
 * What must be true of every set of objects that can be applied, rendered or not.
 *
 * @param hardened `false` for a service that was written by somebody else.
 */
export function expectApplicable(documents: readonly unknown[], { hardened = true } = {}): void {
  const pods = deployments(documents);
  for (const pod of pods) {
    if (hardened) expectHardened(pod);
    expectRollable(pod);
    for (const container of pod.containers) {
      expectPortsOfItsOwn(container);
      expectSettingsInOrder(container);
    }
    expectNeighbours(pod, documents);
    const container = prestopContainer(pod);
    if (container !== undefined) expectPrestop(pod, container);
  }
}

function expectPrestop({ spec }: PodTemplate, container: Container): void {
  expect(container.command, 'node is the main process').toEqual(['node', expect.stringMatching(/^dist\/[\w-]+\.js$/)]);
  expect(container.ports).toContainEqual({ name: 'admin', containerPort: DEFAULTS.admin.port });
  expect(container.terminationMessagePolicy).toBe('FallbackToLogsOnError');

  // One number.
  expect(setting(container, GRACE_SETTING)).toBe(String(spec.terminationGracePeriodSeconds));

  const { preStop, postStart } = container.lifecycle ?? {};
  expect(postStart?.httpGet, 'postStart over HTTP comes before the server listens').toBeUndefined();
  if (preStop?.exec === undefined) {
    expect(preStop).toEqual({ httpGet: { path: ENDPOINTS[0], port: 'admin' } });
  } else {
    const [node, bin, hook, moment] = preStop.exec.command ?? [];
    expect([node, bin, hook, moment]).toEqual(['node', BIN, 'hook', 'prestop']);
  }

  const { startupProbe, readinessProbe, livenessProbe } = container;
  expect(startupProbe?.httpGet).toEqual({ path: '/livez', port: 'admin' });
  expect(livenessProbe?.httpGet).toEqual({ path: '/livez', port: 'admin' });
  expect(readinessProbe?.httpGet).toEqual({ path: '/readyz', port: 'admin' });
  for (const { httpGet } of [startupProbe, livenessProbe, readinessProbe].filter((probe) => probe !== undefined)) {
    expect(ENDPOINTS).toContain(httpGet?.path);
  }
  // A stuck event loop does not answer the hook: the restart must not wait for it.
  expect(livenessProbe?.terminationGracePeriodSeconds).toBeLessThanOrEqual(10);
  expect(startupProbe?.terminationGracePeriodSeconds).toBeLessThanOrEqual(10);
  expect(readinessProbe, 'the API refuses it there').not.toHaveProperty('terminationGracePeriodSeconds');
}

function expectHardened({ spec, containers }: PodTemplate): void {
  expect(spec.automountServiceAccountToken).toBe(false);
  expect(spec.securityContext).toMatchObject({
    runAsNonRoot: true,
    runAsUser: expect.any(Number),
    seccompProfile: { type: 'RuntimeDefault' },
  });
  for (const container of containers) {
    expect(container.securityContext, container.name).toMatchObject({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(container.resources?.limits, container.name).toHaveProperty('memory');
    const { securityContext, restartPolicy } = container;
    const isInit = spec.initContainers?.includes(container as never) && restartPolicy !== 'Always';
    // Only what has ended before the service starts may be root.
    if (!isInit) expect(securityContext?.runAsUser, container.name).toBeUndefined();
  }
}

function expectRollable({ deployment }: PodTemplate): void {
  expect(deployment.spec?.replicas).toBeGreaterThanOrEqual(2);
  expect(deployment.spec?.strategy).toEqual({
    type: 'RollingUpdate',
    rollingUpdate: { maxSurge: 1, maxUnavailable: 0 },
  });
}

/** A name that is not among the container's own ports is a failed hook, or a probe that never succeeds. */
function expectPortsOfItsOwn(container: Container): void {
  const names = (container.ports ?? []).map(({ name }) => name);
  expect(new Set(names).size, `${container.name}: names of ports`).toBe(names.length);
  const { lifecycle, startupProbe, readinessProbe, livenessProbe } = container;
  const handlers = [lifecycle?.preStop, lifecycle?.postStart, startupProbe, readinessProbe, livenessProbe];
  for (const httpGet of handlers.map((handler) => handler?.httpGet)) {
    if (httpGet === undefined) continue;
    expect(names).toContain(httpGet.port);
    expect(httpGet, 'Pod Security "baseline" refuses it from 1.34 on').not.toHaveProperty('host');
  }
}

/** `$(NAME)` means a setting that stands before it; otherwise it stays as it is. */
function expectSettingsInOrder(container: Container): void {
  const known = new Set<string>();
  for (const { name, value } of container.env ?? []) {
    for (const [, used = ''] of (value ?? '').matchAll(/\$\(([^)]+)\)/g)) {
      expect(known.has(used), `${name} uses $(${used}), which must stand before it`).toBe(true);
    }
    expect(known.has(name), `${name} stands twice`).toBe(false);
    known.add(name);
  }
  const words = [...(container.command ?? []), ...(container.args ?? [])];
  const paths = (container.volumeMounts ?? []).map(({ subPathExpr }) => subPathExpr ?? '');
  for (const [, used = ''] of [...words, ...paths].join(' ').matchAll(/\$\(([^)]+)\)/g)) {
    expect(known.has(used), `$(${used}) is no setting of ${container.name}`).toBe(true);
  }
}

function expectNeighbours(pod: PodTemplate, documents: readonly unknown[]): void {
  const { labels, containers } = pod;
  const selects = (selector: Readonly<Record<string, string>> | undefined): boolean =>
    selector !== undefined && Object.entries(selector).every(([name, value]) => labels[name] === value);
  const ports = containers.flatMap((container) => container.ports ?? []);

  const own = pod.deployment.spec?.selector.matchLabels as Record<string, string> | undefined;
  expect(selects(own), 'the selector of the Deployment').toBe(true);

  const services = objectsOf<IService>(documents, 'Service').filter(({ spec }) =>
    selects(spec?.selector as Record<string, string>),
  );
  expect(services).toHaveLength(1);
  for (const { targetPort } of services.flatMap(({ spec }) => spec?.ports ?? [])) {
    expect(targetPort, 'the admin port has no Service').toBe('http');
    expect(ports.map(({ name }) => name)).toContain(targetPort);
  }

  const budgets = objectsOf<IPodDisruptionBudget>(documents, 'PodDisruptionBudget').filter(({ spec }) =>
    selects(spec?.selector?.matchLabels as Record<string, string>),
  );
  expect(budgets.map(({ spec }) => spec?.maxUnavailable)).toEqual([1]);

  if (prestopContainer(pod) === undefined) return;
  const policies = objectsOf<INetworkPolicy>(documents, 'NetworkPolicy').filter(({ spec }) =>
    selects(spec?.podSelector?.matchLabels as Record<string, string>),
  );
  expect(policies).toHaveLength(1);
  for (const rule of policies.flatMap(({ spec }) => spec?.ingress ?? [])) {
    expect(rule.ports, 'a rule without ports opens them all').toBeDefined();
    for (const entry of rule.ports ?? []) {
      expect(includesAdminPort(entry), `opens the admin port: ${JSON.stringify(entry)}`).toBe(false);
    }
  }
}

function includesAdminPort({ protocol = 'TCP', port, endPort }: INetworkPolicyPort): boolean {
  if (protocol !== 'TCP') return false;
  if (typeof port === 'string') return port === 'admin';
  if (port === undefined) return true;
  return port <= DEFAULTS.admin.port && DEFAULTS.admin.port <= (endPort ?? port);
}

/** The header of the token, wherever a file names one. */
export function expectTokenHeader(text: string): void {
  for (const [name] of text.matchAll(/\bx-[a-z]+-token\b/gi)) expect(name).toBe(TOKEN_HEADER);
}
