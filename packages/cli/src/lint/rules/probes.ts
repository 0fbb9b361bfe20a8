import { SDK_DEFAULTS } from '../../defaults.ts';
import { listed } from '../../words.ts';
import { replaceText } from '../../yaml/edit.ts';
import { resolvePort } from '../container.ts';
import { endpointAt, plainPath } from '../hook.ts';
import { titleOf } from '../resource.ts';
import type { Rule } from '../rule.ts';
import { servingContainers } from '../service.ts';
import { sdkContainers, usesSdk } from '../workload.ts';
import { SOURCES } from './sources.ts';

const { paths } = SDK_DEFAULTS;

export const probeRules: readonly Rule[] = [
  {
    code: 'PS035',
    name: 'probe-calls-hook',
    severity: 'error',
    summary: 'No probe asks /prestop.',
    why: 'Each probe would begin a termination: the pod takes itself out of service every few seconds.',
    source: SOURCES.probes,
    fix: `Readiness asks ${paths.readyz}, liveness ${paths.livez}.`,
    fixable: false,
    *check({ workload }) {
      for (const container of workload.containers) {
        for (const probe of container.probes) {
          const endpoint = endpointAt(probe.http?.path.text);
          if (probe.http === undefined || endpoint === undefined) continue;
          const prestop = endpoint === 'prestop';
          yield {
            at: probe.http.path,
            container,
            ...(prestop ? {} : { severity: 'warning' as const }),
            message: prestop
              ? `${probe.kind} asks ${probe.http.path.text}: every probe begins a termination`
              : `${probe.kind} asks ${probe.http.path.text}, which answers only when the service is ready: the probe times out until then`,
            advice: `ask ${probe.kind === 'livenessProbe' ? paths.livez : paths.readyz}`,
          };
        }
      }
    },
  },
  {
    code: 'PS036',
    name: 'probe-port-unknown',
    severity: 'error',
    summary: 'The port a probe names is a port of the same container.',
    why: 'The kubelet looks the name up in the same container only. When it is not there every probe fails: never ready, or restarted for ever.',
    source: SOURCES.probes,
    fix: 'Name a port that stands under `ports` of the same container.',
    fixable: false,
    absence: true,
    *check({ workload }) {
      for (const container of workload.containers) {
        for (const probe of container.probes) {
          const port = probe.port === undefined ? undefined : resolvePort(probe.port, container);
          if (port?.name === undefined || port.number !== undefined) continue;
          const known = container.ports.flatMap(({ name }) => (name === undefined ? [] : [`"${name}"`]));
          yield {
            at: port.at,
            container,
            message: `${probe.kind} asks port "${port.name}", which container ${container.name} does not have`,
            advice: `${known.length === 0 ? '' : `use ${listed(known)} or `}declare a port named "${port.name}"`,
          };
        }
      }
    },
  },
  {
    code: 'PS037',
    name: 'readiness-missing',
    severity: 'warning',
    summary: 'A container behind a Service has a readiness probe.',
    why: 'Without one the pod counts as ready when its process starts: a rollout removes an old pod before the new one can answer.',
    source: SOURCES.probes,
    fix: `Add readinessProbe.httpGet with path ${paths.readyz} on the admin port, or the service's own.`,
    fixable: false,
    absence: true,
    *check({ workload, cluster }) {
      if (workload.runsToCompletion) return;
      const services = cluster.servicesOf(workload);
      const serving = new Set([...servingContainers(workload, services), ...sdkContainers(workload)]);
      for (const container of serving) {
        if (container.probes.some(({ kind }) => kind === 'readinessProbe')) continue;
        yield {
          at: container.at,
          container,
          message: `container ${container.name} ${
            services.length > 0 ? `serves ${listed(services.map(titleOf))}` : 'registers with the SDK'
          } and has no readinessProbe: it counts as ready before it listens`,
        };
      }
    },
  },
  {
    code: 'PS038',
    name: 'readiness-not-registration',
    severity: 'warning',
    summary: `The readiness probe asks ${paths.readyz}.`,
    why: 'It answers 200 only when the service is registered and listed. Any other probe is ready earlier: the rollout goes on, and for callers of the registry there is no provider.',
    source: SOURCES.probes,
    fix: `Write readinessProbe.httpGet with path ${paths.readyz} on the admin port.`,
    fixable: false,
    *check({ workload }) {
      for (const container of sdkContainers(workload)) {
        for (const probe of container.probes) {
          if (probe.kind !== 'readinessProbe' || plainPath(probe.http?.path.text) === paths.readyz) continue;
          yield {
            at: probe.http?.path.exists === true ? probe.http.path : probe.at,
            key: probe.http === undefined,
            container,
            message: `readinessProbe asks ${probe.http?.path.text ?? 'something else'}, which may be ready before the service is registered`,
            advice: `ask ${paths.readyz} on the admin port`,
          };
        }
      }
    },
  },
  {
    code: 'PS039',
    name: 'liveness-on-readiness',
    severity: 'warning',
    summary: `The liveness probe does not ask ${paths.readyz}.`,
    why: 'Not ready is no reason to be killed: a registry that is away, or a drain, would restart the container.',
    source: SOURCES.probes,
    fix: `Ask ${paths.livez}.`,
    fixable: true,
    *check({ workload }) {
      for (const container of workload.containers) {
        if (!usesSdk(container)) continue;
        for (const probe of container.probes) {
          if (probe.kind !== 'livenessProbe' || probe.http === undefined) continue;
          if (plainPath(probe.http.path.text) !== paths.readyz) continue;
          yield {
            at: probe.http.path,
            container,
            message: `livenessProbe asks ${probe.http.path.text}: whenever the service is not ready it is restarted`,
            advice: `ask ${paths.livez}`,
            edits: [replaceText(probe.http.path, paths.livez)],
          };
        }
      }
    },
  },
];
