import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { serverFile } from '../contestants.ts';
import type { GeneratorAnswer, GeneratorOrder } from './generator.ts';

/**
 * Which processor each side is kept on, where the system can: moved from one to the other, a process finds none of its data
 * in the caches.
 */
const PROCESSORS = { server: '0', generator: '1' } as const;

const canPin = Object.values(PROCESSORS).every(
  (processor) => spawnSync('taskset', ['--cpu-list', processor, 'true']).status === 0,
);

/** A process that answers one question after the other. */
class Child {
  readonly #process: ChildProcess;
  readonly #ended: Promise<never>;

  constructor(side: keyof typeof PROCESSORS, env: Readonly<Record<string, string>>, args: readonly string[]) {
    const [command, ...rest] = [
      ...(canPin ? ['taskset', '--cpu-list', PROCESSORS[side]] : []),
      process.execPath,
      ...args,
    ] as [string, ...string[]];
    this.#process = spawn(command, rest, {
      env: { ...process.env, ...env },
      stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    });
    this.#ended = new Promise((_, reject) => {
      this.#process.once('exit', (code, signal) => reject(new Error(`the ${side} ended: ${signal ?? code}`)));
    });
    // It is ended on purpose when all is measured.
    this.#ended.catch(() => undefined);
  }

  ask<Answer>(question?: string | GeneratorOrder): Promise<Answer> {
    const answer = new Promise<Answer>((resolve) =>
      this.#process.once('message', (message) => resolve(message as Answer)),
    );
    if (question !== undefined) this.#process.send(question);
    return Promise.race([answer, this.#ended]);
  }

  end(): void {
    this.#process.disconnect();
  }
}

export type Framework = 'express' | 'http';

/** A service that is only called; `library` is a name in `servers/cost.mjs`. */
export class MeasuredServer {
  readonly port: number;
  readonly #child: Child;

  private constructor(child: Child, port: number) {
    this.#child = child;
    this.port = port;
  }

  /** @param flags Of V8. */
  static async start(framework: Framework, library: string, flags: readonly string[] = []): Promise<MeasuredServer> {
    const env = { FRAMEWORK: framework, LIBRARY: library, NODE_ENV: 'production' };
    const child = new Child('server', env, ['--expose-gc', ...flags, serverFile('cost.mjs')]);
    const { port } = await child.ask<{ readonly port: number }>();
    return new MeasuredServer(child, port);
  }

  /** Processor time since its start, in microseconds. */
  async cpuUs(): Promise<number> {
    return (await this.#child.ask<{ readonly cpuUs: number }>('cpu')).cpuUs;
  }

  /** Octets after a collection: objects and buffers, and the whole process. */
  memory(): Promise<{ readonly heap: number; readonly rss: number }> {
    return this.#child.ask('memory');
  }

  end(): void {
    this.#child.end();
  }
}

/** The process that loads the servers. */
export class Generator {
  readonly #child: Child = new Child('generator', {}, [fileURLToPath(new URL('./generator.js', import.meta.url))]);

  run(order: GeneratorOrder): Promise<GeneratorAnswer> {
    return this.#child.ask(order);
  }

  end(): void {
    this.#child.end();
  }
}
