import { fileURLToPath } from 'node:url';

/** One way to stop a Node server, in its best documented configuration. */
export interface Contestant {
  readonly id: string;
  readonly title: string;
  /** Its service, in `servers/`. */
  readonly file: string;
  /** What has to be installed for it. */
  readonly packages: readonly string[];
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
