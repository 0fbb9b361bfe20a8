import { startCommand, type TerminatePodOptions, terminatePod } from '@prestop/testkit';
import type { History } from './history.ts';
import type { KubeObject, PodSpec } from './objects.ts';

/** A service that says what it is told, so that two kubelets can be compared: the real one and the drill's. */
const SOURCE = `
const say = (what) => console.log(what + ' ' + Date.now());
const { PORT, HOOK_MS = 0, STATUS = 200, STUBBORN } = process.env;
require('node:http').createServer((request, response) => {
  say('hook');
  setTimeout(() => {
    say('answered');
    response.writeHead(Number(STATUS), { connection: 'close' }).end('ok');
  }, Number(HOOK_MS));
}).listen(Number(PORT), () => say('listening'));
process.on('SIGTERM', () => {
  say('SIGTERM');
  if (!STUBBORN) process.exit(0);
});
setInterval(() => say('alive'), 100);
`;

export const COMMAND = ['node', '-e', SOURCE] as const;
export const PROBE_PORT = 9090;

/** What the service is told, and when it was last alive, in seconds since the deletion. */
export interface Seen {
  /** In their order, each once. */
  readonly order: readonly string[];
  readonly sigtermAt: number | undefined;
  readonly endedAt: number;
}

interface Line {
  readonly atMs: number;
  readonly text: string;
}

/** A line takes its time from the service, not from its way here, which is long when the machine is busy. */
function lineOf(text: string): Line {
  const [what = '', at] = text.split(' ');
  return { text: what, atMs: Number(at) - Date.now() + performance.now() };
}

const TOLD: readonly string[] = ['hook', 'answered', 'SIGTERM'];
/** The service's clock counts whole milliseconds. */
const CLOCK_MS = 2;

function seen(texts: readonly string[], deletedAtMs: number): Seen {
  const lines = texts.map(lineOf);
  const told = lines.filter(({ text, atMs }) => TOLD.includes(text) && atMs > deletedAtMs - CLOCK_MS);
  const seconds = (line: Line | undefined) => (line === undefined ? undefined : (line.atMs - deletedAtMs) / 1000);
  return {
    order: told.map(({ text }) => text),
    sigtermAt: seconds(told.find(({ text }) => text === 'SIGTERM')),
    endedAt: seconds(lines.findLast(({ atMs }) => atMs > deletedAtMs - CLOCK_MS)) ?? 0,
  };
}

/** A watch may tell of the deletion after the hook has arrived. */
const EARLIER_MS = 100;

/** The real kubelet's doing, from the log of the pod. */
export function seenInPod(history: History, pod: string): Seen {
  const deleted = history.firstPod(pod, ({ metadata }, { type }) => {
    return type === 'DELETED' || metadata.deletionTimestamp !== undefined;
  });
  if (deleted === undefined) throw new Error(`${pod} was not deleted`);
  const texts = history.said(pod).map(({ text }) => text);
  return seen(texts, deleted.atMs - EARLIER_MS);
}

/** The drill's kubelet's doing with the same service as a process. */
export async function seenInDrill(
  env: Readonly<Record<string, string>>,
  port: number,
  options: TerminatePodOptions,
): Promise<Seen> {
  const service = await startCommand({ command: COMMAND, env: { ...env, PORT: String(port) } });
  try {
    await service.waitForLine(/listening/);
    const { deletedAtMs } = await terminatePod(service, options);
    return seen(
      service.lines.map(({ text }) => text),
      deletedAtMs,
    );
  } finally {
    await service.kill();
  }
}

/** The service as a pod. */
export function probePod(
  name: string,
  env: Readonly<Record<string, string>>,
  terminationGracePeriodSeconds: number,
  preStop: object | undefined,
): KubeObject & { readonly spec: PodSpec } {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: {
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds,
      restartPolicy: 'Never',
      containers: [
        {
          name: 'service',
          image: 'orders:1.0.0',
          command: COMMAND,
          env: Object.entries({ ...env, PORT: String(PROBE_PORT) }).map(([key, value]) => ({ name: key, value })),
          ports: [{ name: 'admin', containerPort: PROBE_PORT }],
          ...(preStop === undefined ? {} : { lifecycle: { preStop } }),
        },
      ],
    },
  };
}
