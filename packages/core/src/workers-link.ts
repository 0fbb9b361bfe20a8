import type { Worker as ClusterWorker } from 'node:cluster';
import type { Worker as ThreadWorker } from 'node:worker_threads';
import { type PrimaryMessage, unwrap, type WorkerMessage, wrap } from './workers-protocol.ts';

/** How a worker ended. */
export interface WorkerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface WorkerListener {
  readonly message: (message: WorkerMessage) => void;
  /** Told once, after the last message. */
  readonly ended: (exit: WorkerExit) => void;
}

/** A worker as its primary has it: a process of `cluster`, or a thread. */
export interface WorkerLink {
  readonly kind: 'process' | 'thread';
  readonly id: number;
  readonly pid: number;
  /** Sends to a worker that can still be reached; to another it does nothing. */
  send(message: PrimaryMessage): void;
  kill(): void;
  /** @returns a function that ends it. */
  listen(listener: WorkerListener): () => void;
  /**
   * Takes the worker's `error` events, which would end the primary with it if nobody else did. @returns a function that
   * leaves them alone again.
   */
  takeErrors(onError: (error: unknown) => void): () => void;
}

/** Longest wait for the end of the channel of a process that has exited, in milliseconds. */
const LAST_WORDS_MS = 250;

export function isThread(worker: ClusterWorker | ThreadWorker): worker is ThreadWorker {
  return worker instanceof process.getBuiltinModule('node:worker_threads').Worker;
}

export function linkProcess(worker: ClusterWorker): WorkerLink {
  const kill = (): void => void worker.process.kill('SIGKILL');
  return {
    kind: 'process',
    id: worker.id,
    pid: worker.process.pid ?? -1,
    send(message) {
      // With a callback, a channel that closes meanwhile is no `error` event; that the worker ended is told anyway.
      if (worker.isConnected()) worker.send(wrap(message), () => {});
    },
    kill,
    listen({ message, ended }) {
      const onMessage = (received: unknown): void => {
        const ours = unwrap<WorkerMessage>(received);
        if (ours !== undefined) message(ours);
      };
      const onExit = (code: number | null, signal: string | null): void => {
        const exit = { code, signal: signal as NodeJS.Signals | null };
        const done = (): void => {
          clearTimeout(timer);
          worker.off('disconnect', done);
          ended(exit);
        };
        // A process can be gone before its last words have been read.
        const timer = setTimeout(done, worker.isConnected() ? LAST_WORDS_MS : 0);
        worker.once('disconnect', done);
      };
      worker.on('message', onMessage);
      worker.once('exit', onExit);
      return () => {
        worker.off('message', onMessage);
        worker.off('exit', onExit);
      };
    },
    takeErrors: (onError) => takeErrors(worker, onError),
  };
}

export function linkThread(worker: ThreadWorker): WorkerLink {
  return {
    kind: 'thread',
    id: worker.threadId,
    pid: process.pid,
    send: (message) => worker.postMessage(wrap(message)),
    kill: () => void worker.terminate(),
    listen({ message, ended }) {
      const onMessage = (received: unknown): void => {
        const ours = unwrap<WorkerMessage>(received);
        if (ours !== undefined) message(ours);
      };
      const onExit = (code: number): void => ended({ code, signal: null });
      worker.on('message', onMessage);
      worker.once('exit', onExit);
      return () => {
        worker.off('message', onMessage);
        worker.off('exit', onExit);
      };
    },
    takeErrors: (onError) => takeErrors(worker, onError),
  };
}

function takeErrors(worker: ClusterWorker | ThreadWorker, onError: (error: unknown) => void): () => void {
  const emitter: NodeJS.EventEmitter = worker;
  emitter.on('error', onError);
  return () => void emitter.off('error', onError);
}
