import { EXIT_CODES, type LifecycleOptions } from '@prestop/core';
import { describe, expect, it } from 'vitest';
import { get } from './fixtures/messages.ts';
import { repeatedly, type TestPod, withPod } from './fixtures/pod.ts';

const REPEATS = 5;
const CALLERS = 30;
const OPTIONS: LifecycleOptions = { terminationGracePeriodSeconds: 30, floorMs: 0, quiet: { minMs: 100, maxMs: 100 } };

/**
 * Requests on new connections that the kernel has taken and nobody has read, in the moment in which the signal comes: the
 * process is stopped meanwhile, as one that gets no processor time is.
 */
async function askWithTheSignal(pod: TestPod): Promise<unknown[]> {
  pod.service.signal('SIGSTOP');
  const sockets = await Promise.all(Array.from({ length: CALLERS }, () => pod.open()));
  for (const socket of sockets) socket.write(get('/'));
  pod.service.signal('SIGTERM');
  pod.service.signal('SIGCONT');
  return Promise.all(
    sockets.map((socket) =>
      socket.readResponse().then(
        ({ status }) => status,
        (error) => error.code,
      ),
    ),
  );
}

describe.runIf(process.platform !== 'win32')('callers that came before the listener closed are answered', () => {
  it('when the signal follows the drain', async () => {
    await repeatedly(REPEATS, () =>
      withPod({ options: OPTIONS }, async (pod) => {
        await pod.hookAlone();
        expect(await askWithTheSignal(pod), pod.output()).toEqual(Array(CALLERS).fill(200));
        expect((await pod.service.exited).code).toBe(EXIT_CODES.clean);
      }),
    );
  });

  it('when it comes while the hook waits, and there is no time left', async () => {
    await repeatedly(REPEATS, () =>
      withPod({ options: OPTIONS, fake: { settleMs: 10_000 } }, async (pod) => {
        const { ended } = await pod.beginTermination(true, { gracePeriodSeconds: 30, stopSignal: 'SIGWINCH' });
        expect(await askWithTheSignal(pod), pod.output()).toEqual(Array(CALLERS).fill(200));
        const { report, detail } = await ended;
        expect(report, detail).toMatchObject({ outcome: 'clean', budget: { fastPath: true } });
      }),
    );
  });
});
