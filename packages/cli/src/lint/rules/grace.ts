import { KUBERNETES_DEFAULTS, SDK_DEFAULTS } from '../../defaults.ts';
import type { Cursor } from '../../yaml/cursor.ts';
import { appendItem, insertAfter, insertBefore, replaceRaw, type TextEdit } from '../../yaml/edit.ts';
import type { Container } from '../container.ts';
import { settingIn } from '../environment.ts';
import { endpointOf } from '../hook.ts';
import type { Problem, Rule } from '../rule.ts';
import { budgetOf, graceText, graceUnknown, hooksOf, sdkContainers, usesSdk, type Workload } from '../workload.ts';
import { pathBelow } from './path.ts';
import { SOURCES } from './sources.ts';

const { graceSetting, terminationGracePeriodSeconds: assumed } = SDK_DEFAULTS;
const FIELD = 'terminationGracePeriodSeconds';
const LEFT = KUBERNETES_DEFAULTS.minimumGraceSeconds;

/** The arithmetic of the grace period. */
export const graceRules: readonly Rule[] = [
  {
    code: 'PS022',
    name: 'sleep-exceeds-grace',
    severity: 'error',
    summary: 'A preStop sleep is not longer than the grace period.',
    why: 'The grace period counts from before the hook. The API refuses a longer native sleep; an exec sleep is cut off, with 2 s left for SIGTERM.',
    source: SOURCES.sleepAction,
    fix: 'terminationGracePeriodSeconds ≥ sleep + longest request + closers + reserve.',
    fixable: false,
    *check({ workload, settings }) {
      for (const { container, hook } of hooksOf(workload)) {
        if (hook.moment !== 'preStop' || hook.sleep === undefined || graceUnknown(workload)) continue;
        const { seconds, certain, native, at } = hook.sleep;
        if (seconds <= workload.graceSeconds) continue;
        const budget = budgetOf(workload, settings, { seconds, word: 'sleep' });
        yield {
          at,
          container,
          ...(certain ? {} : { severity: 'warning' as const }),
          message: `preStop sleeps ${seconds} s, ${FIELD} is ${graceText(workload)}: ${
            native ? 'the API refuses the pod' : `the sleep is cut off and ${LEFT} s are left for SIGTERM`
          }`,
          advice: `set ${FIELD} to at least ${budget.total} (${budget.words}), or sleep less`,
        };
      }
    },
  },
  {
    code: 'PS023',
    name: 'sleep-leaves-too-little',
    severity: 'warning',
    summary: 'After a preStop sleep there is time to finish requests and close.',
    why: 'What the hook takes is missing after SIGTERM: what is in flight then is cut by SIGKILL.',
    source: SOURCES.termination,
    fix: 'terminationGracePeriodSeconds ≥ sleep + longest request + closers + reserve.',
    fixable: false,
    *check({ workload, settings }) {
      for (const { container, hook } of hooksOf(workload)) {
        if (hook.moment !== 'preStop' || hook.sleep === undefined || endpointOf(hook) !== undefined) continue;
        if (graceUnknown(workload) || hook.sleep.seconds > workload.graceSeconds) continue;
        const budget = budgetOf(workload, settings, { seconds: hook.sleep.seconds, word: 'sleep' });
        if (budget.total <= workload.graceSeconds) continue;
        yield {
          at: hook.sleep.at,
          container,
          message: `preStop sleeps ${hook.sleep.seconds} s of ${graceText(workload)}: ${round(
            workload.graceSeconds - hook.sleep.seconds,
          )} s are left after SIGTERM`,
          advice: `set ${FIELD} to at least ${budget.total} (${budget.words})`,
        };
      }
    },
  },
  {
    code: 'PS024',
    name: 'grace-too-short',
    severity: 'warning',
    summary: 'The grace period holds the floor, the longest request, the closers and the reserve.',
    why: 'All of it happens inside terminationGracePeriodSeconds; what does not fit is cut.',
    source: SOURCES.termination,
    fix: 'terminationGracePeriodSeconds ≥ floor + longest request + closers + reserve (options of lint, or annotations prestop/…-seconds).',
    fixable: false,
    *check({ workload, settings }) {
      const [container] = sdkContainers(workload);
      if (container === undefined || graceUnknown(workload)) return;
      const budget = budgetOf(workload, settings);
      if (budget.total <= workload.graceSeconds) return;
      yield {
        at: workload.grace.exists ? workload.grace : workload.podSpec,
        container,
        message: `${FIELD} is ${graceText(workload)}, a termination takes up to ${budget.total} s (${budget.words})`,
        advice: `set ${FIELD} to at least ${budget.total}`,
      };
    },
  },
  {
    code: 'PS025',
    name: 'grace-setting-differs',
    severity: 'error',
    summary: `${graceSetting} is the pod's number.`,
    why: 'The service cannot see the grace period; it believes the setting. A larger one ends in SIGKILL before the deadline, a smaller one cuts requests that had time.',
    source: SOURCES.termination,
    fix: `Set ${graceSetting} to the number of terminationGracePeriodSeconds, as a string.`,
    fixable: true,
    *check({ workload, cluster }) {
      for (const container of workload.containers) {
        const value = settingIn(container, graceSetting, workload, cluster);
        if (value === undefined || graceUnknown(workload)) continue;
        // What a ConfigMap says may be meant for others as well.
        const own = container.env.get(graceSetting)?.value !== undefined;
        const right = String(workload.graceSeconds);
        const number = typeof value.value !== 'string';
        if (value.text === right && !number) continue;
        const seen = Number(value.text);
        yield {
          at: value,
          container,
          // Without a hook of the SDK the name may mean something else to that program.
          ...(usesSdk(container) || number ? {} : { severity: 'warning' as const }),
          message: message(seen, value.text ?? '', number, workload),
          advice: `write value: "${right}"`,
          edits:
            own && (usesSdk(container) || number)
              ? [replaceRaw(value, `"${usesSdk(container) ? right : value.text}"`)]
              : [],
        };
      }
    },
  },
  {
    code: 'PS026',
    name: 'grace-setting-missing',
    severity: 'warning',
    summary: `A grace period other than ${assumed} s is told to the service.`,
    why: `The service cannot see it; without the setting, and without the number in the code, the SDK counts with ${assumed} s.`,
    source: SOURCES.termination,
    fix: `Add ${graceSetting} to the container's env.`,
    fixable: true,
    absence: true,
    *check({ workload }) {
      if (workload.graceSeconds === assumed) return;
      for (const container of sdkContainers(workload)) {
        if (container.env.has(graceSetting) || container.at.get('envFrom').exists) continue;
        const short = workload.graceSeconds < assumed;
        yield {
          at: workload.grace,
          container,
          ...(short ? {} : { severity: 'info' as const }),
          message: `${FIELD} is ${workload.graceSeconds} and container ${container.name} has no ${graceSetting}: unless the code says it, the SDK counts with ${assumed} s ${
            short ? 'and is killed before its deadline' : `and leaves ${workload.graceSeconds - assumed} s unused`
          }`,
          advice: `add ${graceSetting}: "${workload.graceSeconds}" to its env`,
          edits: [addSetting(container, workload.graceSeconds)],
        };
      }
    },
  },
  {
    code: 'PS027',
    name: 'grace-implicit',
    severity: 'info',
    summary: 'The grace period is written down.',
    why: 'Two places count with the number; a default cannot be compared with anything.',
    source: SOURCES.termination,
    fix: 'Write terminationGracePeriodSeconds, also where it is 30.',
    fixable: true,
    absence: true,
    *check({ workload }) {
      const [container] = sdkContainers(workload);
      if (container === undefined || workload.grace.exists) return;
      yield {
        at: workload.podSpec,
        container,
        message: `${FIELD} is not written; the kubelet takes ${workload.graceSeconds}`,
        advice: `write ${FIELD}: ${workload.graceSeconds}`,
        edits: [insertBefore(workload.podSpec, 'containers', FIELD, String(workload.graceSeconds))],
      };
    },
  },
  {
    code: 'PS028',
    name: 'grace-misplaced',
    severity: 'error',
    summary: 'terminationGracePeriodSeconds stands in the pod spec.',
    why: 'In any other place the field is unknown: dropped, or refused by strict validation. The kubelet takes 30 s.',
    source: SOURCES.podApi,
    fix: 'Move it to spec.template.spec (spec of a Pod).',
    fixable: false,
    *check({ workload }) {
      if (!workload.builtIn) return;
      const { podSpec, resource } = workload;
      const places: (Cursor | undefined)[] = [
        resource.kind === 'Pod' ? undefined : resource.root.get('spec'),
        podSpec.parent,
        workload.metadata,
        ...workload.containers.flatMap(({ at }) => [at, at.get('lifecycle'), at.at('lifecycle', 'preStop')]),
      ];
      for (const place of places) {
        const at = place?.get(FIELD);
        if (at?.exists !== true || place === undefined || place.node === podSpec.node) continue;
        yield {
          at,
          key: true,
          message: `${FIELD}: ${at.text} stands outside of the pod spec and is not used; the kubelet takes ${graceText(workload)}`,
          advice: `move it to ${pathBelow(podSpec, FIELD)}`,
        };
      }
    },
  },
  {
    code: 'PS029',
    name: 'grace-invalid',
    severity: 'error',
    summary: 'Seconds are whole numbers without quotes.',
    why: 'The API refuses a string or a unit where it wants an integer.',
    source: SOURCES.podApi,
    fix: 'Write the number of seconds: 30.',
    fixable: true,
    *check({ workload }) {
      const fields: { at: Cursor; minimum: number; container?: Container }[] = [{ at: workload.grace, minimum: 0 }];
      for (const container of workload.containers) {
        for (const probe of container.probes) fields.push({ at: probe.grace, minimum: 1, container });
        for (const hook of [container.preStop, container.postStart]) {
          if (hook !== undefined) fields.push({ at: hook.at.at('sleep', 'seconds'), minimum: 0, container });
        }
      }
      for (const { at, minimum, container } of fields) {
        if (!at.exists || (at.integer !== undefined && at.integer >= minimum)) continue;
        yield { at, ...(container === undefined ? {} : { container }), ...invalid(at, minimum) };
      }
    },
  },
  {
    code: 'PS030',
    name: 'grace-zero',
    severity: 'warning',
    summary: 'The grace period is not 0.',
    why: 'The hook gets one second and the process is killed; nothing that is in flight is finished.',
    source: SOURCES.termination,
    fix: 'Write what a termination takes: floor + longest request + closers + reserve.',
    fixable: false,
    *check({ workload, settings }) {
      if (workload.grace.integer !== 0) return;
      const hook = workload.containers.some(({ preStop }) => preStop !== undefined);
      yield {
        at: workload.grace,
        ...(hook ? {} : { severity: 'info' as const }),
        message: `${FIELD} is 0: ${hook ? 'the preStop hook gets one second and' : 'requests in flight are cut:'} the process is killed`,
        advice: `set ${FIELD} to at least ${budgetOf(workload, settings).total}`,
      };
    },
  },
];

function round(seconds: number): number {
  return Math.round(seconds * 10) / 10;
}

function message(seen: number, text: string, number: boolean, workload: Workload): string {
  const pod = `${FIELD} is ${graceText(workload)}`;
  if (number) return `${graceSetting} is the number ${text}; the API wants strings in env`;
  if (!Number.isFinite(seen)) return `${graceSetting} is "${text}", which is no number of seconds; ${pod}`;
  return `${graceSetting} is "${text}", ${pod}: ${
    seen > workload.graceSeconds
      ? `SIGKILL comes ${round(seen - workload.graceSeconds)} s before the service expects it`
      : `${round(workload.graceSeconds - seen)} s are never used`
  }`;
}

function invalid(at: Cursor, minimum: number): Pick<Problem, 'message' | 'advice' | 'severity' | 'edits'> {
  const field = at.path.slice(at.path.lastIndexOf('.') + 1);
  const digits = /^\d+$/.test(at.text ?? '') && Number(at.text) >= minimum;
  if (digits) {
    return {
      message: `${field} is the string "${at.text}"; the API wants an integer`,
      advice: `write ${Number(at.text)} without quotes`,
      edits: [replaceRaw(at, String(Number(at.text)))],
    };
  }
  if (at.integer !== undefined) {
    return {
      message: `${field} is ${at.integer}; the smallest number is ${minimum}`,
      // The API accepts a negative grace period and counts it as 1.
      ...(at.integer < 0 && minimum === 0 && field === FIELD ? { severity: 'warning' as const } : {}),
    };
  }
  const seconds = /^(\d+)s$/.exec(at.text ?? '')?.[1];
  return {
    message: `${field} is ${at.text === undefined ? 'not a number' : `"${at.text}"`}; the API wants a whole number of seconds`,
    ...(seconds === undefined ? {} : { advice: `write ${seconds}`, edits: [replaceRaw(at, seconds)] }),
  };
}

function addSetting(container: Container, seconds: number): TextEdit | undefined {
  const lines = [`name: ${graceSetting}`, `value: "${seconds}"`];
  const env = container.at.get('env');
  if (env.isList && env.items().length > 0) return appendItem(env, lines);
  if (env.key !== undefined) return undefined;
  const sibling = container.at.get('image').exists ? 'image' : 'name';
  return insertAfter(container.at, sibling, 'env', `\n  - ${lines[0]}\n    ${lines[1]}`);
}
