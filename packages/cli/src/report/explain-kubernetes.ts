import type { Account, Remark } from './account.ts';

/** As `kubectl get … -o json` prints it; only what is read here. */
export interface KubernetesObject {
  readonly kind?: string;
  readonly metadata?: { readonly name?: string; readonly namespace?: string };
  readonly items?: readonly KubernetesObject[];
  readonly status?: PodStatus;
  readonly reason?: string;
  readonly message?: string;
  readonly note?: string;
  readonly involvedObject?: EventSubject;
  readonly regarding?: EventSubject;
}

interface EventSubject {
  readonly kind?: string;
  readonly name?: string;
  readonly namespace?: string;
  readonly fieldPath?: string;
}

interface PodStatus {
  readonly initContainerStatuses?: readonly ContainerStatus[];
  readonly containerStatuses?: readonly ContainerStatus[];
}

interface ContainerStatus {
  readonly name: string;
  readonly restartCount?: number;
  readonly state?: ContainerState;
  readonly lastState?: ContainerState;
}

interface ContainerState {
  readonly terminated?: {
    readonly exitCode: number;
    readonly reason?: string;
    readonly message?: string;
    readonly finishedAt?: string;
  };
}

type Terminated = NonNullable<ContainerState['terminated']>;

/** Accounts of the pods and events in what `kubectl` printed; everything else is passed over. */
export function explainKubernetes(object: KubernetesObject): Account[] {
  if (Array.isArray(object.items)) return object.items.flatMap((item: KubernetesObject) => explainKubernetes(item));
  if (object.kind === 'Pod') return explainPod(object);
  if (object.kind === 'Event') return explainEvent(object);
  return [];
}

function explainPod({ metadata, status }: KubernetesObject): Account[] {
  const containers = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  return containers.flatMap(({ name, state, lastState, restartCount = 0 }) => {
    const ended = state?.terminated ?? lastState?.terminated;
    if (ended === undefined) return [];
    const { exitCode, finishedAt, message = '' } = ended;
    const restarts = restartCount > 0 ? `, restarted ${restartCount === 1 ? 'once' : `${restartCount} times`}` : '';
    return {
      source: `Pod ${named(metadata)}, container ${name}`,
      headline: `ended with exit code ${exitCode}${finishedAt === undefined ? '' : ` at ${finishedAt}`}${restarts}`,
      lines: message.split('\n').filter((line) => line.trim() !== ''),
      remarks: exitRemarks(ended),
    };
  });
}

/** Exit codes of the SDK (`docs/exit-codes.md`), of signals, and what follows from them. */
const EXIT_CODES: Readonly<Record<number, Remark>> = {
  70: error(
    'Requests were cut at the deadline',
    'The termination message and the report name them; raise terminationGracePeriodSeconds or end them on their drain signal.',
  ),
  71: error('A closer failed, ran out of time or was skipped', 'The report names it.'),
  72: error('A second signal ended the process at once', 'Find who sends it.'),
  73: error('An uncaught exception or rejection began the termination or joined it', 'The report has its message.'),
  137: error(
    'SIGKILL: the grace period was over, or the memory limit',
    'Without a report in the log the process never heard SIGTERM: a shell or npm as PID 1, or no handler. With one, the grace period of the manifest is shorter than the one in the options.',
  ),
  143: error(
    'SIGTERM ended the process, and nobody in it was listening',
    'No lifecycle was created, or signals is empty; what was in flight is lost. Not so a JVM: it exits with 143 after its shutdown hooks, too.',
  ),
};

function exitRemarks({ exitCode, reason }: Terminated): Remark[] {
  if (reason === 'OOMKilled')
    return [error('The kernel ended it for its memory', 'Raise the memory limit, or find what grew.')];
  const known = EXIT_CODES[exitCode];
  if (known !== undefined) return [known];
  return exitCode === 0
    ? []
    : [
        error(
          `It ended by itself with exit code ${exitCode}`,
          'A container that exits by itself gets no preStop hook; its log says why it ended.',
        ),
      ];
}

function explainEvent(event: KubernetesObject): Account[] {
  const { reason = '', message = event.note ?? '' } = event;
  const remark = eventRemark(reason, message);
  if (remark === undefined) return [];
  const subject = event.involvedObject ?? event.regarding;
  const container = /\{(?<name>[^}]+)\}/.exec(subject?.fieldPath ?? '')?.groups?.['name'];
  const source = `Event ${reason} of ${subject?.kind ?? 'Pod'} ${named(subject)}${container === undefined ? '' : `, container ${container}`}`;
  return [{ source, headline: message, lines: [], remarks: [remark] }];
}

/** What the kubelet's events mean for a termination. https://kubernetes.io/docs/concepts/containers/container-lifecycle-hooks/ */
function eventRemark(reason: string, message: string): Remark | undefined {
  switch (reason) {
    case 'FailedPreStopHook':
      return error(
        'The preStop hook failed, and SIGTERM followed',
        "Nobody answered on the hook's port (wrong port or path, not listening yet, already ended), and SIGTERM came at once; or the hook outlived the grace period, and SIGTERM came at its end: then the event comes only when the process has died. An HTTP status never fails a hook.",
      );
    case 'FailedPostStartHook':
      return error(
        'The postStart hook failed, and the kubelet restarts the container',
        'An httpGet hook is called before the process listens; use exec with "prestop hook poststart", which asks until it is ready, or leave it to the startup probe.',
      );
    case 'ExceededGracePeriod':
      return error(
        'The container was still there when the grace period was over',
        'Compare terminationGracePeriodSeconds with the option of the same name.',
      );
    case 'Evicted':
      return {
        severity: 'warning',
        text: 'The node evicted the pod',
        advice: 'A hard eviction gives no grace period at all; set requests, and keep the node below its thresholds.',
      };
    case 'Killing':
      return message.includes('liveness')
        ? error(
            'A failed liveness probe restarts the container',
            "The hook runs, and the pod stays: the service registers again. /livez does not fail while it drains; a probe on the application's own port does when the listener is closed.",
          )
        : undefined;
    case 'Unhealthy':
      return message.startsWith('Liveness')
        ? {
            severity: 'warning',
            text: 'The liveness probe failed',
            advice: 'Point it at /livez of the admin port, which answers until the process ends.',
          }
        : undefined;
    default:
      return undefined;
  }
}

function error(text: string, advice: string): Remark {
  return { severity: 'error', text, advice };
}

function named(subject: { readonly name?: string; readonly namespace?: string } | undefined): string {
  const { name = '(no name)', namespace } = subject ?? {};
  return namespace === undefined ? name : `${namespace}/${name}`;
}
