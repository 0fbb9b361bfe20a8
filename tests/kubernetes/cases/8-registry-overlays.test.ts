import { describe, expect, it } from 'vitest';
import { expectClean, figuresOf } from '../support/clean.ts';
import { record } from '../support/evidence.ts';
import { deploymentOf, published, serviceContainer, setVariable } from '../support/manifests.ts';
import { inNamespace, type Namespace } from '../support/namespace.ts';
import type { Deployment } from '../support/objects.ts';
import { ownNode } from '../support/own-node.ts';
import { startedAndDeleted } from '../support/pods.ts';
import {
  consulOnNode,
  guardedConsulOnNode,
  guardedNacosOnNode,
  nacosOnNode,
  nodeAddress,
} from '../support/registries.ts';

/** What a user has before the manifest: a registry, Secrets, and in Nacos' case its address. */
interface Surroundings {
  /** By name, as `kubectl create secret generic` takes their parts. */
  readonly secrets: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly fillIn?: (deployment: Deployment) => void;
  readonly stop: () => Promise<void>;
}

const HOOK_TOKEN = { 'orders-prestop': { token: 'a-token-for-this-case' } };

const nacosAt =
  (address: string) =>
  (deployment: Deployment): void =>
    setVariable(serviceContainer(deployment), 'NACOS_SERVER_ADDR', address);

interface Overlay {
  readonly path: string;
  readonly surround: (nodeIp: string) => Promise<Surroundings>;
}

const consulOverlays: readonly Overlay[] = [
  {
    path: 'express-consul/k8s/overlays/acl',
    async surround(nodeIp) {
      const { token, authority, stop } = await guardedConsulOnNode(nodeIp);
      return { secrets: { 'orders-consul': { token, 'ca.crt': authority } }, stop };
    },
  },
  {
    path: 'express-consul/k8s/overlays/token',
    async surround(nodeIp) {
      const consul = await consulOnNode(nodeIp);
      return { secrets: HOOK_TOKEN, stop: () => consul.stop() };
    },
  },
];

const nacosOverlays: readonly Overlay[] = [
  {
    path: 'express-nacos/k8s/overlays/auth',
    async surround(nodeIp) {
      const { serverAddr, username, password, stop } = await guardedNacosOnNode(nodeIp);
      return { secrets: { 'orders-nacos': { username, password } }, fillIn: nacosAt(serverAddr), stop };
    },
  },
  {
    path: 'express-nacos/k8s/overlays/token',
    async surround(nodeIp) {
      const nacos = await nacosOnNode(nodeIp);
      return { secrets: HOOK_TOKEN, fillIn: nacosAt(new URL(nacos.addr).host), stop: () => nacos.stop() };
    },
  },
];

// Those of one registry want the same ports.
const registries = [
  { name: 'Consul', overlays: consulOverlays },
  { name: 'Nacos', overlays: nacosOverlays },
];

describe.skipIf(!ownNode).concurrent.each(registries)('the overlays with $name', ({ overlays }) => {
  it('start when their pods are registered, and end clean by their hook when they have left the registry', async () => {
    for (const overlay of overlays) await inNamespace((namespace) => startsAndEnds(namespace, overlay));
  });
});

async function startsAndEnds(namespace: Namespace, { path, surround }: Overlay): Promise<void> {
  const { secrets, fillIn, stop } = await surround(await nodeAddress());
  try {
    for (const [name, parts] of Object.entries(secrets)) {
      const literals = Object.entries(parts).map(([part, value]) => `--from-literal=${part}=${value}`);
      await namespace.kubectl('create', 'secret', 'generic', name, ...literals);
    }
    const objects = await published(path);
    const deployment = deploymentOf(objects);
    fillIn?.(deployment);
    await namespace.apply(objects);
    const terminations = await startedAndDeleted(namespace, deployment.metadata.name);
    record({ chapter: 'Manifests', case: `examples/${path}`, figures: figuresOf(terminations) });
    expect(terminations, path).toHaveLength(2);
    expectClean(terminations);
    for (const { report } of terminations) {
      expect(report?.registries.map(({ outcome }) => outcome)).toEqual(['confirmed']);
    }
  } finally {
    await stop();
  }
}
