import { listed, shortened } from '../../words.ts';
import { removePair } from '../../yaml/edit.ts';
import { resolvePort } from '../container.ts';
import { endpointOf, HANDLERS } from '../hook.ts';
import type { Rule } from '../rule.ts';
import { hooksOf } from '../workload.ts';
import { SOURCES } from './sources.ts';

const LOOPBACK = /^(?:127(?:\.\d{1,3}){3}|localhost|\[?::1\]?)$/i;

/** What any hook must be, whoever answers it. */
export const hookShapeRules: readonly Rule[] = [
  {
    code: 'PS001',
    name: 'one-handler',
    severity: 'error',
    summary: 'A hook has exactly one handler.',
    why: 'The API refuses a hook with two handlers or with none, so that a sleep cannot stand beside the call: the SDK waits by itself inside /prestop.',
    source: SOURCES.lifecycleApi,
    fix: 'Keep one handler; for the SDK that is httpGet on /prestop.',
    fixable: false,
    *check({ workload }) {
      for (const { container, hook } of hooksOf(workload)) {
        if (hook.handlers.length === 1) continue;
        const keys = hook.at.keys();
        if (hook.handlers.length === 0 && (workload.partial || keys.some((key) => key.startsWith('$')))) continue;
        yield {
          at: hook.at,
          key: true,
          container,
          message:
            hook.handlers.length === 0
              ? `${hook.moment} has no handler`
              : `${hook.moment} has ${listed(hook.handlers)}; the API takes one handler`,
          advice:
            hook.handlers.length === 0
              ? `give it one of ${HANDLERS.join(', ')}`
              : `keep ${hook.handlers.includes('httpGet') ? 'httpGet' : hook.handlers[0]} and remove ${listed(
                  hook.handlers.filter((name, index) =>
                    hook.handlers.includes('httpGet') ? name !== 'httpGet' : index > 0,
                  ),
                )}`,
        };
      }
    },
  },
  {
    code: 'PS002',
    name: 'hook-port-unknown',
    severity: 'error',
    summary: 'The port a hook names is a port of the same container.',
    why: 'The kubelet looks the name up in the ports of the same container only. When it is not there, preStop fails and SIGTERM follows at once; a failed postStart kills the container.',
    source: SOURCES.hooks,
    fix: 'Name a port that stands under `ports` of the same container.',
    fixable: false,
    absence: true,
    *check({ workload }) {
      for (const { container, hook } of hooksOf(workload)) {
        const port = hook.http === undefined ? undefined : resolvePort(hook.http.port, container);
        if (port?.name === undefined || port.number !== undefined) continue;
        const elsewhere = workload.containers.find((other) => other.ports.some(({ name }) => name === port.name));
        const known = container.ports.flatMap(({ name }) => (name === undefined ? [] : [name]));
        yield {
          at: port.at,
          container,
          message: `${hook.moment} asks port "${port.name}", which ${
            elsewhere === undefined
              ? 'no container of the pod has'
              : `is a port of container ${elsewhere.name}, not of ${container.name}`
          }`,
          advice:
            known.length === 0 || endpointOf(hook) !== undefined
              ? `declare a port named "${port.name}" in container ${container.name}`
              : `use ${listed(known.map((name) => `"${name}"`))} or declare a port named "${port.name}"`,
        };
      }
    },
  },
  {
    code: 'PS003',
    name: 'hook-port-undeclared',
    severity: 'info',
    summary: 'A hook asks a port that the container declares, by its name.',
    why: 'A bare number works, but nothing ties it to the port the server listens on, and a NetworkPolicy cannot name it.',
    source: SOURCES.hooks,
    fix: 'Declare the port with a name under `ports` and give the name to the hook.',
    fixable: false,
    absence: true,
    *check({ workload }) {
      for (const { container, hook } of hooksOf(workload)) {
        const port = hook.http === undefined ? undefined : resolvePort(hook.http.port, container);
        if (port?.number === undefined || container.ports.some(({ number }) => number === port.number)) continue;
        yield {
          at: port.at,
          container,
          message: `${hook.moment} asks port ${port.written}, which container ${container.name} does not declare`,
          advice: `add { name: admin, containerPort: ${port.written} } to its ports and write port: admin`,
        };
      }
    },
  },
  {
    code: 'PS004',
    name: 'hook-loopback',
    severity: 'error',
    summary: 'A hook over HTTP does not name a loopback host.',
    why: 'The kubelet connects from the node: 127.0.0.1 is the node itself, not the pod. The call is refused and SIGTERM follows at once.',
    source: SOURCES.hooks,
    fix: 'Remove `host`: the kubelet then connects to the pod.',
    fixable: true,
    *check({ workload }) {
      if (workload.podSpec.get('hostNetwork').flag === true) return;
      for (const { container, hook } of hooksOf(workload)) {
        const host = hook.http?.host;
        if (hook.http === undefined || host?.text === undefined || !LOOPBACK.test(host.text)) continue;
        const number = resolvePort(hook.http.port, container)?.number;
        // A port that is mapped to the node may be reached there.
        if (number !== undefined && container.ports.some(({ hostPort }) => hostPort === number)) continue;
        yield {
          at: host,
          container,
          message: `${hook.moment} connects to ${host.text}, which is the node's own loopback and not the pod`,
          edits: [removePair(hook.http.at, 'host')],
        };
      }
    },
  },
  {
    code: 'PS005',
    name: 'hook-host',
    severity: 'warning',
    summary: 'A hook over HTTP has no `host`.',
    why: 'The default is the pod, which is what is meant. Pod Security "baseline" refuses any host in hooks and probes from Kubernetes 1.34 on.',
    source: SOURCES.podSecurity,
    fix: 'Remove `host`.',
    fixable: false,
    *check({ workload }) {
      for (const { container, hook } of hooksOf(workload)) {
        const host = hook.http?.host;
        if (host?.text === undefined || host.text === '') continue;
        if (LOOPBACK.test(host.text) && workload.podSpec.get('hostNetwork').flag !== true) continue;
        yield {
          at: host,
          container,
          message: `${hook.moment} names the host ${host.text}; Pod Security "baseline" refuses that from 1.34 on`,
        };
      }
    },
  },
  {
    code: 'PS006',
    name: 'tcp-hook',
    severity: 'error',
    summary: 'A hook is not a tcpSocket.',
    why: 'The field is kept for old objects only: it is accepted, and the hook fails when it runs.',
    source: SOURCES.lifecycleApi,
    fix: 'Use httpGet, exec or sleep.',
    fixable: false,
    *check({ workload }) {
      for (const { container, hook } of hooksOf(workload)) {
        if (hook.handlers.length !== 1 || hook.handlers[0] !== 'tcpSocket') continue;
        yield {
          at: hook.at.get('tcpSocket'),
          key: true,
          container,
          message: `${hook.moment}.tcpSocket is accepted by the API and fails when the kubelet runs it`,
        };
      }
    },
  },
  {
    code: 'PS007',
    name: 'exec-without-shell',
    severity: 'error',
    summary: 'A command is a list of words, not one string.',
    why: 'No shell splits it: the whole string is taken for the name of a program, which does not exist.',
    source: SOURCES.hooks,
    fix: 'Write each word as its own entry, or `["sh", "-c", "…"]`.',
    fixable: false,
    *check({ workload }) {
      for (const container of workload.containers) {
        const commands = [
          ...[container.preStop, container.postStart].map((hook) => hook?.at.at('exec', 'command')),
          ...container.probes.map((probe) => probe.at.at('exec', 'command')),
          container.at.get('command'),
        ];
        for (const command of commands) {
          const words = command?.texts();
          const [only] = words ?? [];
          if (command === undefined || words?.length !== 1 || only === undefined || !/\S\s+\S/.test(only)) continue;
          yield {
            at: command.items()[0] ?? command,
            container,
            message: `"${shortened(only)}" is one word to the kubelet: there is no program of that name`,
            advice: `write ${JSON.stringify(only.trim().split(/\s+/).slice(0, 6))}${
              only.trim().split(/\s+/).length > 6 ? ' …' : ''
            }, or ["sh", "-c", "…"] where the shell is needed`,
          };
        }
      }
    },
  },
  {
    code: 'PS012',
    name: 'hook-fetches-code',
    severity: 'warning',
    summary: 'A hook does not run through npx or another package manager.',
    why: 'npx may ask a registry while the node is draining, needs a writable home, and starts slowly; the grace period runs all the while.',
    source: SOURCES.hooks,
    fix: 'Install the command in the image and run it by its path: ["node", "node_modules/prestop/dist/bin.js", "hook", "prestop"].',
    fixable: false,
    *check({ workload }) {
      for (const { container, hook } of hooksOf(workload)) {
        const manager = hook.exec === undefined ? undefined : fetcherIn(hook.exec.argv);
        if (hook.exec === undefined || manager === undefined) continue;
        yield {
          at: hook.exec.at,
          container,
          message: `${hook.moment} is run through ${manager}, inside the grace period`,
        };
      }
    },
  },
];

function fetcherIn(argv: readonly string[]): string | undefined {
  return /(?:^|[\s/;&|])(npx|bunx|pnpx|npm|yarn|pnpm)(?=\s|$)/.exec(argv.join(' '))?.[1];
}
