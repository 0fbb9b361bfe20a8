import { fileURLToPath } from 'node:url';

/** One way to stop a Node server, in its best documented configuration. */
export interface Contestant {
  readonly id: string;
  readonly title: string;
  /** Its service, in `servers/`. */
  readonly file: string;
  /** What has to be installed for it. */
  readonly packages: readonly string[];
  /** How it is set up, for the reader. */
  readonly setup: string;
  /** Where its documentation says so. */
  readonly source: string;
  /**
   * Who waits before it stops: the library by an option of its own, the kubelet by `preStop.sleep` where it has none, or
   * nobody where the library finds out by itself how long.
   */
  readonly waits: 'itself' | 'kubelet' | 'as-long-as-needed';
  /** The pauses it is run with, in seconds. */
  readonly delaysSeconds: readonly number[];
  /** Registers in the file registry, which is then where callers look. */
  readonly registry?: boolean;
  /** Whether its service can be had over HTTP/2. */
  readonly speaksHttp2: boolean;
  /** On the path of requests it can be compared with the bare framework. */
  readonly onRequestPath: boolean;
}

const SLEEPS = [0, 5, 10];

export const CONTESTANTS: readonly Contestant[] = [
  {
    id: 'prestop-registry',
    title: 'prestop, with a registry',
    file: 'prestop.mjs',
    packages: ['@prestop/core', '@prestop/express-adapter', '@prestop/registry-adapters'],
    setup: 'a file registry in which callers look; nothing else is set',
    source: '../examples/express-file/src/server.ts',
    waits: 'as-long-as-needed',
    delaysSeconds: [0],
    registry: true,
    speaksHttp2: true,
    onRequestPath: false,
  },
  {
    id: 'prestop',
    title: 'prestop',
    file: 'prestop.mjs',
    packages: ['@prestop/core', '@prestop/express-adapter'],
    setup: 'nothing is set but the grace period',
    source: '../README.md',
    waits: 'as-long-as-needed',
    delaysSeconds: [0],
    speaksHttp2: true,
    onRequestPath: true,
  },
  {
    id: 'server-close',
    title: 'server.close()',
    file: 'server-close.mjs',
    packages: [],
    setup: '`server.close()` on SIGTERM',
    source: 'https://nodejs.org/api/http.html#serverclosecallback',
    waits: 'kubelet',
    delaysSeconds: SLEEPS,
    speaksHttp2: true,
    onRequestPath: false,
  },
  {
    id: 'http-terminator',
    title: 'http-terminator',
    file: 'http-terminator.mjs',
    packages: ['http-terminator'],
    setup: '`gracefulTerminationTimeout` 10 s, `terminate()` on SIGTERM',
    source: 'https://github.com/gajus/http-terminator#usage',
    waits: 'kubelet',
    delaysSeconds: SLEEPS,
    speaksHttp2: true,
    onRequestPath: true,
  },
  {
    id: 'stoppable',
    title: 'stoppable',
    file: 'stoppable.mjs',
    packages: ['stoppable'],
    setup: 'grace 10 s, `stop()` on SIGTERM',
    source: 'https://github.com/hunterloftis/stoppable#usage',
    waits: 'kubelet',
    delaysSeconds: SLEEPS,
    speaksHttp2: true,
    onRequestPath: true,
  },
  {
    id: 'terminus',
    title: '@godaddy/terminus',
    file: 'terminus.mjs',
    packages: ['@godaddy/terminus'],
    setup: '`timeout` 10 s; the pause in `beforeShutdown`, as it says for Kubernetes',
    source: 'https://github.com/godaddy/terminus#how-to-set-terminus-up-with-kubernetes',
    waits: 'itself',
    delaysSeconds: SLEEPS,
    speaksHttp2: true,
    onRequestPath: true,
  },
  {
    id: 'lightship',
    title: 'lightship',
    file: 'lightship.mjs',
    packages: ['lightship', 'http-terminator'],
    setup: 'http-terminator as a shutdown handler; the pause is `shutdownDelay`',
    source: 'https://github.com/gajus/lightship#usage',
    waits: 'itself',
    delaysSeconds: SLEEPS,
    speaksHttp2: true,
    onRequestPath: true,
  },
  {
    id: 'http-graceful-shutdown',
    title: 'http-graceful-shutdown',
    file: 'http-graceful-shutdown.mjs',
    packages: ['http-graceful-shutdown'],
    setup: '`timeout` 25 s; the pause in `preShutdown`',
    source: 'https://github.com/sebhildebrandt/http-graceful-shutdown#option-reference',
    waits: 'itself',
    delaysSeconds: SLEEPS,
    speaksHttp2: true,
    onRequestPath: true,
  },
  {
    id: 'close-with-grace',
    title: 'close-with-grace',
    file: 'close-with-grace.mjs',
    packages: ['close-with-grace'],
    setup: '`delay` 25 s, `server.close()` in its function, the pause before it',
    source: 'https://github.com/mcollina/close-with-grace#usage',
    waits: 'itself',
    delaysSeconds: SLEEPS,
    speaksHttp2: true,
    onRequestPath: true,
  },
  {
    id: 'fastify',
    title: 'fastify close()',
    file: 'fastify.mjs',
    packages: ['fastify'],
    setup:
      "`return503OnClosing: false`, `forceCloseConnections: 'idle'`, `keepAliveTimeout` 5 s; the pause in `preClose`, in which it says `Connection: close`",
    source: 'https://fastify.dev/docs/latest/Reference/Server/#return503onclosing',
    waits: 'itself',
    delaysSeconds: SLEEPS,
    speaksHttp2: true,
    onRequestPath: false,
  },
  {
    id: 'nest',
    title: 'NestJS hooks',
    file: 'nest.mjs',
    packages: ['@nestjs/core', '@nestjs/common', '@nestjs/platform-express', '@nestjs/terminus'],
    setup: '`enableShutdownHooks`; the pause is `gracefulShutdownTimeoutMs` of @nestjs/terminus',
    source: 'https://docs.nestjs.com/recipes/terminus#graceful-shutdown-timeout',
    waits: 'itself',
    delaysSeconds: SLEEPS,
    speaksHttp2: false,
    onRequestPath: false,
  },
];

/** Path of a file in `servers/`. */
export function serverFile(name: string): string {
  return fileURLToPath(new URL(`../servers/${name}`, import.meta.url));
}

/** `stoppable + 5 s` */
export function titleWithDelay({ title }: Contestant, delaySeconds: number): string {
  return delaySeconds === 0 ? title : `${title} + ${delaySeconds} s`;
}
