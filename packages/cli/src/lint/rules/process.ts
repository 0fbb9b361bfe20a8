import { SDK_DEFAULTS } from '../../defaults.ts';
import { shortened } from '../../words.ts';
import type { Cursor } from '../../yaml/cursor.ts';
import { insertAfter, replaceText } from '../../yaml/edit.ts';
import type { Container } from '../container.ts';
import type { Rule } from '../rule.ts';
import {
  endsWithExec,
  isSimpleCommand,
  lastCommand,
  packageManagerOf,
  replacesItself,
  scriptOf,
  withoutInit,
} from '../shell.ts';
import { sdkContainers, usesSdk } from '../workload.ts';
import { SOURCES } from './sources.ts';

const CONTROLLERS: ReadonlySet<string> = new Set([
  'Deployment',
  'StatefulSet',
  'DaemonSet',
  'ReplicaSet',
  'ReplicationController',
]);
const NODE = /^(?:node|nodejs|ts-node|tsx|bun|deno|npm|yarn|pnpm|npx)$/;

/** What the kubelet's signal meets. */
export const processRules: readonly Rule[] = [
  {
    code: 'PS040',
    name: 'package-manager-pid1',
    severity: 'warning',
    summary: 'The main process is node, not npm, yarn or pnpm.',
    why: 'npm as PID 1 is gone 0.6 s after SIGTERM and takes the container with it, without the service having seen the signal: everything in flight is cut.',
    source: SOURCES.dockerNode,
    fix: 'command: ["node", "dist/server.js"]',
    fixable: false,
    *check({ workload }) {
      if (workload.runsToCompletion) return;
      for (const container of workload.containers) {
        const manager = container.argv === undefined ? undefined : packageManagerOf(container.argv);
        if (manager === undefined || container.role === 'init') continue;
        yield {
          at: commandOf(container),
          container,
          message: `"${shortened(container.argv?.join(' ') ?? '')}": ${manager} gets SIGTERM instead of the service`,
          advice: 'start node itself: command: ["node", "dist/server.js"]',
        };
      }
    },
  },
  {
    code: 'PS041',
    name: 'shell-pid1',
    severity: 'warning',
    summary: 'A shell that starts the service becomes the service (exec).',
    why: 'A shell as PID 1 ignores SIGTERM and does not hand it on: the service runs into SIGKILL at the end of the grace period. Some shells replace themselves by a single command; which do depends on the image.',
    source: SOURCES.dockerNode,
    fix: 'Put `exec` before the last command, or leave the shell out.',
    fixable: true,
    *check({ workload }) {
      if (workload.runsToCompletion) return;
      for (const container of workload.containers) {
        const argv = container.argv;
        const shell = argv === undefined ? undefined : scriptOf(withoutInit(argv));
        if (argv === undefined || shell === undefined || container.role === 'init') continue;
        if (endsWithExec(shell.script) || replacesItself(withoutInit(argv), shell.script)) continue;
        if (packageManagerOf(argv) !== undefined) continue;
        const node = NODE.test(lastCommand(shell.script).split(/\s+/)[0] ?? '');
        const at = scriptCursor(container, shell.script);
        const simple = isSimpleCommand(shell.script);
        yield {
          at: at ?? commandOf(container),
          container,
          ...(node || usesSdk(container) ? {} : { severity: 'info' as const }),
          message: `"${shortened(shell.script)}" runs below ${argv[0]}, which does not hand SIGTERM on`,
          advice: simple ? `write exec ${shortened(shell.script)}` : 'put exec before the command that serves',
          edits: simple && at !== undefined ? [replaceText(at, `exec ${shell.script.trim()}`)] : [],
        };
      }
    },
  },
  {
    code: 'PS042',
    name: 'stop-signal-needs-os',
    severity: 'error',
    summary: 'stopSignal comes with spec.os.name.',
    why: 'The API refuses a stop signal of a pod whose operating system it does not know.',
    source: SOURCES.stopSignals,
    fix: 'Add os: { name: linux } to the pod spec.',
    fixable: false,
    absence: true,
    *check({ workload }) {
      if (workload.podSpec.at('os', 'name').exists) return;
      for (const container of workload.containers) {
        const signal = container.at.at('lifecycle', 'stopSignal');
        if (!signal.exists) continue;
        yield {
          at: signal,
          container,
          message: `stopSignal ${signal.text} without spec.os.name is refused by the API`,
        };
      }
    },
  },
  {
    code: 'PS043',
    name: 'stop-signal-unhandled',
    severity: 'warning',
    summary: `The stop signal is one the SDK listens to (${SDK_DEFAULTS.signals.join(', ')}).`,
    why: 'Any other signal ends the process by its default action, or does nothing until SIGKILL.',
    source: SOURCES.stopSignals,
    fix: 'Remove stopSignal, or give the SDK the same list of signals.',
    fixable: false,
    *check({ workload }) {
      for (const container of workload.containers) {
        const signal = container.at.at('lifecycle', 'stopSignal');
        const kill = signal.text === 'SIGKILL';
        if (signal.text === undefined || !(kill || usesSdk(container))) continue;
        if (SDK_DEFAULTS.signals.some((known) => known === signal.text)) continue;
        yield {
          at: signal,
          container,
          message: kill
            ? 'stopSignal SIGKILL ends the process without any shutdown'
            : `stopSignal ${signal.text} is not among the signals of the SDK (${SDK_DEFAULTS.signals.join(', ')})`,
        };
      }
    },
  },
  {
    code: 'PS044',
    name: 'share-process-namespace',
    severity: 'info',
    summary: 'The service knows that it is not PID 1.',
    why: "With shareProcessNamespace the pause process is PID 1. The signal still goes to the container's main process only, and orphans of the service are not its own any more.",
    source: SOURCES.shareProcess,
    fix: 'Nothing, if the service does not rely on being PID 1.',
    fixable: false,
    *check({ workload }) {
      const flag = workload.podSpec.get('shareProcessNamespace');
      const [container] = sdkContainers(workload);
      if (flag.flag !== true || container === undefined) return;
      yield {
        at: flag,
        container,
        message: 'shareProcessNamespace: the service is not PID 1, and only its main process gets the signal',
      };
    },
  },
  {
    code: 'PS045',
    name: 'restart-policy',
    severity: 'error',
    summary: 'Pods of a controller that keeps them running have restartPolicy Always.',
    why: 'The API refuses any other value in a Deployment, StatefulSet, DaemonSet or ReplicaSet.',
    source: SOURCES.restartPolicy,
    fix: 'Remove restartPolicy, or use a Job.',
    fixable: false,
    *check({ workload }) {
      const policy = workload.podSpec.get('restartPolicy');
      if (!workload.builtIn || !CONTROLLERS.has(workload.resource.kind)) return;
      if (policy.text === undefined || policy.text === 'Always') return;
      yield {
        at: policy,
        message: `restartPolicy ${policy.text} is refused by the API in a ${workload.resource.kind}`,
        advice: 'write Always, or leave it out',
      };
    },
  },
  {
    code: 'PS046',
    name: 'termination-message',
    severity: 'info',
    summary: 'A forced end shows its last log lines in the pod status.',
    why: 'The SDK exits with a code of its own when requests were cut. With FallbackToLogsOnError the kubelet then keeps the last 2 KB of the log, which hold the report.',
    source: SOURCES.terminationMessage,
    fix: 'terminationMessagePolicy: FallbackToLogsOnError',
    fixable: true,
    absence: true,
    *check({ workload }) {
      for (const container of sdkContainers(workload)) {
        const policy = container.at.get('terminationMessagePolicy');
        if (policy.text === 'FallbackToLogsOnError') continue;
        const name = 'terminationMessagePolicy';
        yield {
          at: policy.exists ? policy : container.at,
          container,
          message: `container ${container.name} has terminationMessagePolicy ${policy.text ?? 'File'}: after a forced end the pod status says nothing`,
          advice: 'write terminationMessagePolicy: FallbackToLogsOnError',
          edits: [
            policy.exists
              ? replaceText(policy, 'FallbackToLogsOnError')
              : insertAfter(container.at, 'image', name, 'FallbackToLogsOnError'),
          ],
        };
      }
    },
  },
];

function commandOf(container: Container): Cursor {
  const command = container.at.get('command');
  return command.exists ? command : container.at.get('args');
}

function scriptCursor(container: Container, script: string): Cursor | undefined {
  return [...container.at.get('command').items(), ...container.at.get('args').items()].find(
    ({ text }) => text === script,
  );
}
