import type { Cluster, Worker } from 'node:cluster';
import type { MessagePort } from 'node:worker_threads';
import { type PrimaryMessage, unwrap, type WorkerMessage, wrap } from './workers-protocol.ts';

export interface PrimaryListener {
  readonly message: (message: PrimaryMessage) => void;
  /** The primary is gone, or has let go of this worker. */
  readonly gone: () => void;
}

/** A worker's way to its primary. */
export interface PrimaryChannel {
  /** Id of this worker, as the primary knows it. */
  readonly id: number;
  /** Whether signals reach this worker beside its primary. */
  readonly getsSignals: boolean;
  /** Calls `sent` when the message has left, or cannot. */
  send(message: WorkerMessage, sent?: () => void): void;
  /** @returns a function that ends it. */
  listen(listener: PrimaryListener): () => void;
}

/**
 * The channel of this process or thread; `undefined` when it is nobody's worker.
 *
 * Modules of workers are loaded by those who ask for workers: a service without them need not have them.
 */
export function channelToPrimary(): PrimaryChannel | undefined {
  const { isMainThread, parentPort } = process.getBuiltinModule('node:worker_threads');
  if (!isMainThread) return parentPort === null ? undefined : portChannel(parentPort);
  // Typed as what `import * as` gives; it is what `require` does.
  const { worker } = process.getBuiltinModule('node:cluster') as unknown as Cluster;
  return worker === undefined ? undefined : processChannel(worker);
}

function portChannel(port: MessagePort): PrimaryChannel {
  return {
    id: process.getBuiltinModule('node:worker_threads').threadId,
    getsSignals: false,
    send(message, sent) {
      // What was posted before the thread ends is still delivered.
      port.postMessage(wrap(message));
      sent?.();
    },
    listen({ message, gone }) {
      const onMessage = receiver(message);
      port.on('message', onMessage);
      port.once('close', gone);
      return () => {
        port.off('message', onMessage);
        port.off('close', gone);
      };
    },
  };
}

function processChannel(worker: Worker): PrimaryChannel {
  return {
    id: worker.id,
    getsSignals: true,
    send(message, sent) {
      if (!process.connected || process.send === undefined) sent?.();
      else process.send(wrap(message), undefined, undefined, () => sent?.());
    },
    listen({ message, gone }) {
      const onMessage = receiver(message);
      const onDisconnect = (): void => {
        // Read by cluster right after this event: unless it is set, the process exits on the spot, requests and all.
        worker.exitedAfterDisconnect = true;
        gone();
      };
      process.on('message', onMessage);
      worker.once('disconnect', onDisconnect);
      return () => {
        process.off('message', onMessage);
        worker.off('disconnect', onDisconnect);
      };
    },
  };
}

function receiver(message: PrimaryListener['message']): (received: unknown) => void {
  return (received) => {
    const ours = unwrap<PrimaryMessage>(received);
    if (ours !== undefined) message(ours);
  };
}
