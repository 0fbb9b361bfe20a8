import { CONNECTION_KINDS } from './connection.ts';
import { PHASES } from './phase.ts';
import type { LifecycleStatus, RegistryState } from './status.ts';

type MetricType = 'gauge' | 'counter' | 'stateset';

interface Metric {
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
  /** Label set and value of each sample. */
  readonly samples: (status: LifecycleStatus) => readonly (readonly [labels: string, value: number])[];
}

/** In these states a registry was not heard to say that the instance is not there. */
const HAS_INSTANCE: ReadonlySet<RegistryState> = new Set(['registered', 'deregistering', 'failed']);

const single =
  (read: (status: LifecycleStatus) => number) =>
  (status: LifecycleStatus): readonly (readonly [string, number])[] => [['', read(status)]];

/** Every metric, in the order of the page. Public contract: `docs/metrics.md`, counted by a test. */
export const METRICS: readonly Metric[] = [
  {
    name: 'prestop_phase',
    type: 'stateset',
    help: 'The phase of the lifecycle.',
    samples: ({ phase }) => PHASES.map((name) => [`{prestop_phase="${name}"}`, name === phase ? 1 : 0]),
  },
  {
    name: 'prestop_ready',
    type: 'gauge',
    help: 'Registered, listed, not terminating, and nothing held that takes readiness.',
    samples: single(({ ready }) => Number(ready)),
  },
  {
    name: 'prestop_registered',
    type: 'gauge',
    help: 'Whether the registry has the instance, as far as it said.',
    samples: ({ registries }) =>
      Object.entries(registries).map(([name, state]) => [
        `{registry="${escaped(name)}"}`,
        Number(HAS_INSTANCE.has(state)),
      ]),
  },
  {
    name: 'prestop_requests_in_flight',
    type: 'gauge',
    help: 'Counted requests in flight.',
    samples: single(({ inFlight }) => inFlight),
  },
  {
    name: 'prestop_requests_answered',
    type: 'counter',
    help: 'Counted requests whose response was closed.',
    samples: single(({ answered }) => answered),
  },
  {
    name: 'prestop_requests_late',
    type: 'gauge',
    help: 'Counted requests after deregistration in the running termination.',
    samples: single(({ late }) => late),
  },
  {
    name: 'prestop_work_held',
    type: 'gauge',
    help: 'Held work outside of requests.',
    samples: single(({ held }) => held),
  },
  {
    name: 'prestop_connections',
    type: 'gauge',
    help: 'Connections of the attached servers.',
    samples: ({ connections }) => CONNECTION_KINDS.map((kind) => [`{kind="${kind}"}`, connections[kind] ?? 0]),
  },
  {
    name: 'prestop_termination_remaining_seconds',
    type: 'gauge',
    help: 'Time until requests are cut; absent when no termination runs.',
    samples: ({ remainingMs }) => (remainingMs === null ? [] : [['', remainingMs / 1_000]]),
  },
];

/** https://prometheus.io/docs/specs/om/open_metrics_spec/ */
export const OPEN_METRICS_TYPE = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

/** The status in the OpenMetrics text format. */
export function openMetrics(status: LifecycleStatus): string {
  const lines = METRICS.flatMap(({ name, type, help, samples }) => {
    const unit = name.endsWith('_seconds') ? [`# UNIT ${name} seconds`] : [];
    const suffix = type === 'counter' ? '_total' : '';
    return [
      `# TYPE ${name} ${type}`,
      ...unit,
      `# HELP ${name} ${help}`,
      ...samples(status).map(([labels, value]) => `${name}${suffix}${labels} ${value}`),
    ];
  });
  return `${[...lines, '# EOF'].join('\n')}\n`;
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
