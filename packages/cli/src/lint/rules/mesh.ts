import { listed } from '../../words.ts';
import type { Container } from '../container.ts';
import { resolvePort } from '../container.ts';
import { stringMap } from '../resource.ts';
import type { Rule, Subject } from '../rule.ts';
import { budgetOf, hooksOf, usesSdk, type Workload } from '../workload.ts';
import { SOURCES } from './sources.ts';

/** Proxies that registry and database calls go through, by container name or by image. */
const PROXY_NAMES: ReadonlySet<string> = new Set([
  'istio-proxy',
  'linkerd-proxy',
  'envoy',
  'envoy-sidecar',
  'consul-dataplane',
  'cloud-sql-proxy',
  'cloudsql-proxy',
  'daprd',
  'kuma-sidecar',
]);
const PROXY_IMAGES =
  /(?:^|\/)(?:istio\/proxyv2|linkerd\/proxy|linkerd-io\/proxy|envoyproxy\/envoy|hashicorp\/consul-dataplane|cloud-sql-proxy|gce-proxy|daprio\/daprd|kuma-dp)(?:[:@]|$)/;

const ISTIO_CONFIG = 'proxy.istio.io/config';
/** Istio's own default, seconds. */
const ISTIO_DRAIN = 5;
const LINKERD_WAIT = 'config.alpha.linkerd.io/proxy-wait-before-exit-seconds';

export const meshRules: readonly Rule[] = [
  {
    code: 'PS057',
    name: 'classic-sidecar',
    severity: 'warning',
    summary: 'A proxy beside a container with a preStop hook is a native sidecar, or waits by itself.',
    why: 'A plain container gets SIGTERM at once, while the hook of the other still runs: deregistration and the last requests lose their way out.',
    source: SOURCES.sidecars,
    fix: 'Make it an init container with restartPolicy: Always (Kubernetes 1.29), or give it a preStop sleep as long as the drain.',
    fixable: false,
    *check({ workload }) {
      const main = workload.containers.filter(({ role }) => role === 'main');
      const hooked = main.filter((container) => container.preStop !== undefined && !isProxy(container));
      if (hooked.length === 0) return;
      for (const container of main) {
        if (!isProxy(container) || container.preStop !== undefined) continue;
        yield {
          at: container.at,
          container,
          message: `${container.name} is a plain container: it is stopped at once, while preStop of ${listed(hooked.map(({ name }) => name))} still runs`,
        };
      }
    },
  },
  {
    code: 'PS058',
    name: 'istio-drain',
    severity: 'warning',
    summary: "Istio's proxy lives as long as the service drains.",
    why: 'As a classic sidecar it ends terminationDrainDuration (5 s) after SIGTERM, even when the service is still finishing requests.',
    source: SOURCES.istioProxyConfig,
    fix: 'Use native sidecars, EXIT_ON_ZERO_ACTIVE_CONNECTIONS: "true", or a terminationDrainDuration as long as the drain.',
    fixable: false,
    *check(subject) {
      const { workload, settings } = subject;
      const container = hookedContainer(workload);
      if (container === undefined || !hasIstio(subject)) return;
      if (workload.annotations.get('sidecar.istio.io/nativeSidecar') === 'true') return;
      if (workload.containers.some(({ name, role }) => name === 'istio-proxy' && role === 'sidecar')) return;
      const config = workload.annotations.get(ISTIO_CONFIG) ?? '';
      if (/EXIT_ON_ZERO_ACTIVE_CONNECTIONS["']?\s*:\s*["']?true/.test(config)) return;
      const written = /terminationDrainDuration["']?\s*:\s*["']?([\d.hms]+)/.exec(config)?.[1];
      const drain = written === undefined ? ISTIO_DRAIN : secondsOf(written);
      const right = Math.max(ISTIO_DRAIN, Math.floor(workload.graceSeconds - budgetOf(workload, settings).reserve));
      if (drain >= right) return;
      yield {
        at: istioPlace(workload),
        container,
        message: `istio-proxy ends ${drain} s after SIGTERM${written === undefined ? ' (terminationDrainDuration not set)' : ''}; the service may take ${right} s`,
        advice: `annotate the pod with ${ISTIO_CONFIG}: { "terminationDrainDuration": "${right}s" }, or with sidecar.istio.io/nativeSidecar: "true"`,
      };
    },
  },
  {
    code: 'PS059',
    name: 'istio-http-hook',
    severity: 'info',
    summary: 'Under Istio the hook reaches the service.',
    why: 'Before 1.25 a plain GET of the kubelet is refused under STRICT mTLS: the hook fails and SIGTERM comes at once.',
    source: SOURCES.istioHooks,
    fix: 'Exclude the admin port (traffic.sidecar.istio.io/excludeInboundPorts), use exec, or Istio 1.25 or later.',
    fixable: false,
    *check(subject) {
      const { workload } = subject;
      if (!hasIstio(subject)) return;
      const excluded = (workload.annotations.get('traffic.sidecar.istio.io/excludeInboundPorts') ?? '').split(
        /\s*,\s*/,
      );
      for (const { container, hook } of hooksOf(workload)) {
        const port = hook.http === undefined ? undefined : resolvePort(hook.http.port, container)?.number;
        if (hook.http === undefined || port === undefined || excluded.includes(String(port)) || excluded.includes('*'))
          continue;
        yield {
          at: hook.http.at,
          key: true,
          container,
          message: `${hook.moment} is a plain GET to port ${port}, which Istio before 1.25 refuses under STRICT mTLS`,
          advice: `annotate the pod with traffic.sidecar.istio.io/excludeInboundPorts: "${port}", or use exec`,
        };
      }
    },
  },
  {
    code: 'PS060',
    name: 'linkerd-wait',
    severity: 'info',
    summary: "Linkerd's proxy does not refuse requests while the hook runs.",
    why: 'As a classic sidecar it refuses new requests from SIGTERM on, which it gets while the hook of the service still runs. Since 2.20 it is a native sidecar by default.',
    source: SOURCES.linkerdShutdown,
    fix: `Use the native sidecar (config.beta.linkerd.io/proxy-enable-native-sidecar: "true"), or ${LINKERD_WAIT}.`,
    fixable: false,
    *check({ workload, settings }) {
      const container = hookedContainer(workload);
      if (container === undefined || workload.annotations.get('linkerd.io/inject') !== 'enabled') return;
      const native = [...workload.annotations].some(([name, value]) =>
        /^config\.(?:\w+\.)?linkerd\.io\/proxy-enable-native-sidecar$/.test(name) ? value === 'true' : false,
      );
      const written = workload.annotations.get(LINKERD_WAIT);
      const { floor, reserve } = budgetOf(workload, settings);
      if (native || (written !== undefined && Number(written) >= floor)) return;
      const annotations = workload.metadata.get('annotations');
      yield {
        at: written === undefined ? annotations.get('linkerd.io/inject') : annotations.get(LINKERD_WAIT),
        container,
        message: `linkerd-proxy waits ${written ?? 0} s before it refuses requests; callers may come for ${floor} s`,
        advice: `annotate the pod with config.beta.linkerd.io/proxy-enable-native-sidecar: "true", or with ${LINKERD_WAIT}: "${Math.max(floor, Math.floor(workload.graceSeconds - reserve))}"`,
      };
    },
  },
];

function isProxy({ name, image }: Container): boolean {
  return PROXY_NAMES.has(name) || (image !== undefined && PROXY_IMAGES.test(image));
}

function hookedContainer(workload: Workload): Container | undefined {
  return workload.containers.find(
    (container) =>
      container.role === 'main' && !isProxy(container) && (container.preStop !== undefined || usesSdk(container)),
  );
}

function hasIstio({ workload, cluster }: Subject): boolean {
  const inject = workload.labels.get('sidecar.istio.io/inject') ?? workload.annotations.get('sidecar.istio.io/inject');
  if (inject === 'false') return false;
  if (inject === 'true' || workload.annotations.has(ISTIO_CONFIG)) return true;
  if (workload.labels.has('istio.io/rev') || workload.containers.some(({ name }) => name === 'istio-proxy'))
    return true;
  const namespace = cluster.namespaceOf(workload);
  if (namespace === undefined) return false;
  const labels = stringMap(namespace.root.at('metadata', 'labels'));
  return labels.get('istio-injection') === 'enabled' || labels.has('istio.io/rev');
}

/** Go's durations: `40s`, `1m30s`. */
function secondsOf(duration: string): number {
  const units: Readonly<Record<string, number>> = { h: 3600, m: 60, s: 1, ms: 0.001 };
  const parts = duration.matchAll(/([\d.]+)(ms|h|m|s)/g);
  return [...parts].reduce((sum, [, amount, unit]) => sum + Number(amount) * (units[unit ?? ''] ?? 0), 0);
}

function istioPlace(workload: Workload): Workload['podSpec'] {
  const config = workload.metadata.at('annotations', ISTIO_CONFIG);
  return config.exists ? config : workload.metadata.exists ? workload.metadata : workload.podSpec;
}
