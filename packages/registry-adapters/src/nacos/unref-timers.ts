import { AsyncLocalStorage, createHook } from 'node:async_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';

const scope = new AsyncLocalStorage<object>();

/**
 * Runs `create` so that no timer it starts, at once or in the microtasks that follow, keeps the process alive. Timers of
 * other code are left alone.
 *
 * For code that sleeps on timers it never hands out. The hook is on for one turn of the event loop.
 */
export async function withoutHoldingTheProcess<Created>(create: () => Created): Promise<Created> {
  const owner = {};
  const timers: NodeJS.Timeout[] = [];
  const hook = createHook({
    init(_id, type, _trigger, resource) {
      if (type === 'Timeout' && scope.getStore() === owner) timers.push(resource as NodeJS.Timeout);
    },
  });
  hook.enable();
  try {
    const created = scope.run(owner, create);
    await nextTurn();
    return created;
  } finally {
    hook.disable();
    for (const timer of timers) timer.unref();
  }
}
