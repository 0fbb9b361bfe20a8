import { SDK_DEFAULTS } from '../../defaults.ts';
import { listed } from '../../words.ts';
import { removePair, replaceText } from '../../yaml/edit.ts';
import { resolvePort } from '../container.ts';
import { endpointAt, endpointOf } from '../hook.ts';
import { titleOf } from '../resource.ts';
import type { Rule } from '../rule.ts';
import { reaches, servicePorts, servingContainers } from '../service.ts';
import { scriptOf } from '../shell.ts';
import { adminPortOf, hasToken, hooksOf, sdkContainers, usesSdk } from '../workload.ts';
import { SOURCES } from './sources.ts';

const { paths, tokenHeader, tokenSetting } = SDK_DEFAULTS;

/** What the hook must be for the SDK to answer it. */
export const hookSdkRules: readonly Rule[] = [
  {
    code: 'PS013',
    name: 'hook-port-not-admin',
    severity: 'warning',
    summary: "The hook asks the port of the SDK's admin server.",
    why: 'On another port nothing answers, or something that is not the SDK does: the kubelet takes any status for success, and a refused connection for a failed hook. SIGTERM follows at once.',
    source: SOURCES.hooks,
    fix: `Ask the admin port (${SDK_DEFAULTS.adminPort}), or say the other number: ${SDK_DEFAULTS.adminPortSetting} in the container, or --admin-port.`,
    fixable: false,
    *check({ workload, cluster, settings }) {
      const services = cluster.servicesOf(workload);
      for (const { container, hook } of hooksOf(workload)) {
        if (endpointOf(hook) === undefined) continue;
        const expected = adminPortOf(container, settings);
        const seen = hook.http === undefined ? hook.exec?.calls?.port : resolvePort(hook.http.port, container)?.number;
        if (seen === undefined || seen === expected) continue;
        // The Express router offers the same on the application's port, and insists on a token there.
        const served = services.some((service) => servicePorts(service).some((port) => reaches(port, container, seen)));
        if (served && hasToken(container)) continue;
        yield {
          at: hook.http?.port ?? hook.exec?.at ?? hook.at,
          container,
          message: `${hook.moment} asks port ${seen}; the SDK's admin server listens on ${expected}`,
          advice: `ask port ${expected}, or set ${SDK_DEFAULTS.adminPortSetting}: "${seen}" in the container and in the code`,
        };
      }
    },
  },
  {
    code: 'PS014',
    name: 'hook-path',
    severity: 'warning',
    summary: 'The hook asks a path that the SDK answers.',
    why: 'The SDK answers /prestop and /poststart, exactly so. Anything else is a 404, which the kubelet takes for success: SIGTERM follows at once.',
    source: SOURCES.hooks,
    fix: `Write ${paths.prestop} for preStop and ${paths.poststart} for postStart.`,
    fixable: true,
    *check({ workload, settings }) {
      for (const { container, hook } of hooksOf(workload)) {
        const path = hook.http?.path;
        if (hook.http === undefined || endpointAt(path?.text) !== undefined) continue;
        const meant = lookalike(path?.text);
        const right = hook.moment === 'preStop' ? paths.prestop : paths.poststart;
        const onAdminPort = resolvePort(hook.http.port, container)?.number === adminPortOf(container, settings);
        // A service of its own may well have such a path on its own port.
        if (!onAdminPort || (meant === undefined && !usesSdk(container))) continue;
        yield {
          at: path?.exists === true ? path : hook.http.at,
          container,
          message: `${hook.moment} asks ${path?.text ?? '/'}, which the SDK does not answer`,
          advice: `write path: ${meant ?? right}`,
          edits: meant === undefined || path === undefined ? [] : [replaceText(path, meant)],
        };
      }
    },
  },
  {
    code: 'PS015',
    name: 'hook-swapped',
    severity: 'error',
    summary: 'preStop asks /prestop and postStart asks /poststart.',
    why: '/prestop after the start takes the pod out of service at once; /poststart before the stop only asks whether it is ready.',
    source: SOURCES.hooks,
    fix: `Write ${paths.prestop} for preStop and ${paths.poststart} for postStart.`,
    fixable: false,
    *check({ workload }) {
      for (const { container, hook } of hooksOf(workload)) {
        const endpoint = endpointOf(hook);
        const right = hook.moment === 'preStop' ? 'prestop' : 'poststart';
        if (endpoint === undefined || endpoint === right) continue;
        yield {
          at: hook.http?.path ?? hook.exec?.at ?? hook.at,
          container,
          message: `${hook.moment} asks /${endpoint}`,
          advice: `ask /${right}`,
        };
      }
    },
  },
  {
    code: 'PS016',
    name: 'hook-https',
    severity: 'warning',
    summary: 'The hook asks the admin server over plain HTTP.',
    why: 'The admin server speaks HTTP. The kubelet falls back to it after a failed handshake, with a warning event, and sends its headers in clear text all the same.',
    source: SOURCES.consistentHttp,
    fix: 'Remove `scheme`.',
    fixable: true,
    *check({ workload }) {
      for (const { container, hook } of hooksOf(workload)) {
        if (hook.http?.scheme.text?.toUpperCase() !== 'HTTPS' || endpointAt(hook.http.path.text) === undefined)
          continue;
        yield {
          at: hook.http.scheme,
          container,
          message: `${hook.moment} asks ${hook.http.path.text} over HTTPS; the admin server speaks HTTP`,
          edits: [removePair(hook.http.at, 'scheme')],
        };
      }
    },
  },
  {
    code: 'PS017',
    name: 'poststart-http',
    severity: 'warning',
    summary: 'postStart is not an httpGet.',
    why: 'It is sent right after the process starts, before a Node server listens. A refused connection is a failed hook, and a failed postStart kills the container; there is no retry.',
    source: SOURCES.hooks,
    fix: 'Leave postStart out (the SDK registers when it listens), or use exec with `prestop hook poststart`, which retries.',
    fixable: false,
    *check({ workload }) {
      for (const { container, hook } of hooksOf(workload)) {
        if (hook.moment !== 'postStart' || hook.http === undefined) continue;
        yield {
          at: hook.http.at,
          key: true,
          container,
          message: `postStart asks ${hook.http.path.text ?? '/'} while the process is still starting; when nothing listens yet, the kubelet kills the container`,
        };
      }
    },
  },
  {
    code: 'PS018',
    name: 'hook-without-token',
    severity: 'warning',
    summary: 'Where the service has a token, the hook sends it.',
    why: 'The SDK refuses the call with 403, which the kubelet takes for success: SIGTERM follows at once. Authorization, which is read as well, is dropped when the kubelet falls back from HTTPS.',
    source: SOURCES.consistentHttp,
    fix: `Send the token as ${tokenHeader}, or call the hook by exec: prestop hook prestop.`,
    fixable: false,
    *check({ workload }) {
      for (const { container, hook } of hooksOf(workload)) {
        const http = hook.http;
        if (http === undefined || endpointOf(hook) === undefined || http.headers.has(tokenHeader)) continue;
        const authorization = http.headers.get('authorization');
        const bearer = /^Bearer +\S/i.test(authorization?.text ?? '') && http.scheme.text?.toUpperCase() !== 'HTTPS';
        if (bearer || (authorization === undefined && !container.env.has(tokenSetting))) continue;
        yield {
          at: authorization ?? http.at,
          key: authorization === undefined,
          container,
          message:
            authorization === undefined
              ? `container ${container.name} has ${tokenSetting}, and ${hook.moment} sends no token: the call is refused`
              : `${hook.moment} sends the token in Authorization, ${
                  http.scheme.text?.toUpperCase() === 'HTTPS' ? 'which the fallback to HTTP drops' : 'but not as Bearer'
                }`,
        };
      }
    },
  },
  {
    code: 'PS019',
    name: 'sleep-before-prestop',
    severity: 'warning',
    summary: 'A hook that calls the SDK does not sleep as well.',
    why: 'The sleep is spent before the registry is told, when every caller still has the address. The SDK waits by itself, after deregistration and only as long as callers need.',
    source: SOURCES.hooks,
    fix: 'Remove the sleep.',
    fixable: false,
    *check({ workload }) {
      for (const { container, hook } of hooksOf(workload)) {
        if (hook.exec === undefined || hook.exec.calls?.endpoint !== 'prestop' || hook.sleep === undefined) continue;
        if (scriptOf(hook.exec.argv) === undefined) continue;
        yield {
          at: hook.exec.at,
          container,
          message: `the hook sleeps ${hook.sleep.seconds} s beside the call of /prestop`,
          advice: `remove the sleep; that gives ${hook.sleep.seconds} of the ${workload.graceSeconds} s back to requests`,
        };
      }
    },
  },
  {
    code: 'PS020',
    name: 'no-hook',
    severity: 'warning',
    summary: 'A container behind a Service has a preStop hook.',
    why: 'The pod is taken out of the endpoints at the same time as it is stopped, not before: without a hook SIGTERM arrives while callers still send requests.',
    source: SOURCES.termination,
    fix: `Add lifecycle.preStop: httpGet with path ${paths.prestop} on the admin port, or a sleep where the SDK is not inside.`,
    fixable: false,
    absence: true,
    *check({ workload, cluster }) {
      if (workload.runsToCompletion) return;
      const services = cluster.servicesOf(workload);
      for (const container of servingContainers(workload, services)) {
        if (container.at.at('lifecycle', 'preStop').exists || usesSdk(container)) continue;
        // With the SDK inside, SIGTERM alone does exactly the same.
        if (container.env.has(SDK_DEFAULTS.graceSetting)) continue;
        yield {
          at: container.at,
          container,
          message: `container ${container.name} serves ${listed(services.map(titleOf))} and has no preStop hook: SIGTERM comes while callers still have the address`,
        };
      }
    },
  },
  {
    code: 'PS021',
    name: 'token-in-clear',
    severity: 'warning',
    summary: 'The token does not stand in the manifest.',
    why: 'Whoever may read pods can read it there, and call /prestop. An httpGet header cannot refer to a Secret; an exec hook can use one.',
    source: SOURCES.secrets,
    fix: `Take ${tokenSetting} from a Secret (valueFrom.secretKeyRef), and call the hook by exec: prestop hook prestop.`,
    fixable: false,
    *check({ workload }) {
      for (const container of sdkContainers(workload)) {
        const value = container.env.get(tokenSetting)?.value;
        if (value !== undefined && value.text !== '') {
          yield {
            at: value,
            container,
            message: `${tokenSetting} is written in clear text`,
            advice: 'use valueFrom.secretKeyRef',
          };
        }
        for (const hook of [container.preStop, container.postStart]) {
          const header = hook?.http?.headers.get(tokenHeader);
          if (header?.exists !== true) continue;
          yield {
            at: header,
            container,
            severity: 'info',
            message: `the ${hook?.moment} header ${tokenHeader} shows the token to everybody who may read pods`,
            advice:
              'where that is too many, use exec: prestop hook prestop, which takes it from the environment or a file',
          };
        }
      }
    },
  },
];

/** `/preStop` and `/pre-stop` are meant to be `/prestop`. */
function lookalike(path: string | undefined): string | undefined {
  const letters = path
    ?.replace(/[?#].*$/s, '')
    .toLowerCase()
    .replace(/[^a-z]/g, '');
  if (letters === 'prestop') return paths.prestop;
  return letters === 'poststart' ? paths.poststart : undefined;
}
