import { HANDLERS } from '../hook.ts';
import type { Rule } from '../rule.ts';
import { pathBelow } from './path.ts';
import { SOURCES } from './sources.ts';

/** Where hooks stand, and where they are never looked for. */
export const hookPlaceRules: readonly Rule[] = [
  {
    code: 'PS008',
    name: 'unknown-hook',
    severity: 'error',
    summary: '`lifecycle` has preStop, postStart and stopSignal, and nothing else.',
    why: 'Names are case-sensitive. Another name is dropped, or refused by strict validation: there is no hook.',
    source: SOURCES.lifecycleApi,
    fix: 'Write preStop or postStart.',
    fixable: false,
    *check({ workload }) {
      for (const container of workload.containers) {
        const lifecycle = container.at.get('lifecycle');
        for (const key of lifecycle.keys()) {
          if (['preStop', 'postStart', 'stopSignal'].includes(key) || key.startsWith('$')) continue;
          const meant = /stop/i.test(key) ? 'preStop' : 'postStart';
          yield {
            at: lifecycle.get(key),
            key: true,
            container,
            message: `lifecycle.${key} does not exist: no hook is run`,
            advice: HANDLERS.some((name) => name === key) ? `put ${key} under preStop or postStart` : `write ${meant}`,
          };
        }
      }
    },
  },
  {
    code: 'PS009',
    name: 'lifecycle-misplaced',
    severity: 'error',
    summary: '`lifecycle` stands in a container, and hooks stand in `lifecycle`.',
    why: 'In any other place the field is unknown: dropped, or refused by strict validation. There is no hook.',
    source: SOURCES.lifecycleApi,
    fix: 'Move it to spec.template.spec.containers[].lifecycle.',
    fixable: false,
    *check({ workload }) {
      if (!workload.builtIn) return;
      const { podSpec, resource } = workload;
      const template = podSpec.parent;
      const outside = [
        podSpec.get('lifecycle'),
        podSpec.get('preStop'),
        ...(resource.kind === 'Pod' ? [] : [resource.root.at('spec', 'lifecycle')]),
        ...(template === undefined ? [] : [template.get('lifecycle')]),
      ];
      for (const at of outside) {
        if (at.exists) {
          yield {
            at,
            key: true,
            message: `${at.path} is no field of a ${resource.kind}: the hook is not run`,
            advice: `move it to ${pathBelow(podSpec, 'containers[].lifecycle')}`,
          };
        }
      }
      for (const container of workload.containers) {
        for (const name of ['preStop', 'postStart']) {
          const at = container.at.get(name);
          if (at.exists) {
            yield {
              at,
              key: true,
              container,
              message: `${name} stands in the container itself: the hook is not run`,
              advice: `put it under lifecycle`,
            };
          }
        }
      }
    },
  },
  {
    code: 'PS010',
    name: 'init-container-hook',
    severity: 'error',
    summary: 'An init container has no hooks unless it restarts.',
    why: 'The API refuses lifecycle on init containers without restartPolicy: Always.',
    source: SOURCES.initContainers,
    fix: 'Remove lifecycle, or make it a native sidecar by restartPolicy: Always.',
    fixable: false,
    absence: true,
    *check({ workload }) {
      for (const container of workload.containers) {
        const lifecycle = container.at.get('lifecycle');
        if (container.role === 'init' && lifecycle.exists) {
          yield {
            at: lifecycle,
            key: true,
            container,
            message: `init container ${container.name} has a lifecycle but no restartPolicy: Always; the API refuses the pod`,
          };
        }
      }
    },
  },
  {
    code: 'PS011',
    name: 'hook-never-called',
    severity: 'info',
    summary: 'A Job does not count on preStop.',
    why: 'preStop runs before a running container is killed, never when its process ends by itself, crashes or is out of memory.',
    source: SOURCES.hooks,
    fix: 'Do the work at the end of the program, or in a signal handler as well.',
    fixable: false,
    *check({ workload }) {
      if (!workload.runsToCompletion) return;
      for (const container of workload.containers) {
        if (container.preStop === undefined) continue;
        yield {
          at: container.preStop.at,
          key: true,
          container,
          message: `preStop of a ${workload.resource.kind} is not run when the work is done, only when the pod is deleted before`,
        };
      }
    },
  },
];
