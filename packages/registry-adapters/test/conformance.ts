/**
 * One suite for every registry adapter. A test file calls it once, with a function that makes one {@link Subject}:
 *
 *     conformance('consul', (id) => ({
 *       create: () => consul({ ...options, id }),
 *       observe: async () => (await getJson(`${addr}/v1/health/service/orders`)).some(…),
 *       child: { module: '@prestop/registry-adapters/consul', factory: 'consul', options: { ...options, id } },
 *     }));
 *
 * The child process runs what is built (`npm run build`), everything else the sources.
 */
import { getEventListeners } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { isRegistryError, type RegistryAdapter, type Sighting } from '@prestop/core';
import { startService } from '@prestop/testkit';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually, pause, stays } from './eventually.ts';

/** One instance in a registry. */
export interface Subject {
  /** A new adapter of this instance at every call, with heartbeats as fast as it allows. The suite closes it. */
  create(): RegistryAdapter;
  /** Whether a consumer that asks now would get the instance; by means that share nothing with the adapter. */
  observe(): Promise<boolean>;
  /** How a child process makes the adapter: `(await import(module))[factory](options)`; `options` survive JSON. */
  readonly child: { readonly module: string; readonly factory: string; readonly options: object };
}

export interface ConformanceOptions {
  /**
   * An adapter of the instance that the registry refuses, and the secrets it was given; none of them may be in an error.
   * Default: the registry knows no secrets.
   */
  readonly refused?: (id: string) => { readonly adapter: RegistryAdapter; readonly secrets: readonly string[] };
  /** Rounds of registering and deregistering without one resurrection. Default 20. */
  readonly rounds?: number;
  /** How long each round looks for a resurrection, in milliseconds; some heartbeats long. Default 300. */
  readonly watchMs?: number;
  /** Longest time from a call's success until the registry shows it, in milliseconds. Default 5,000. */
  readonly shownWithinMs?: number;
}

/** Longest time in which a call obeys its signal, in milliseconds. */
const PROMPT_MS = 500;
/** Longest time from `close()` to the end of a process with nothing else to do, in milliseconds. */
const EXIT_MS = 1_000;

export function conformance(
  name: string,
  factory: (id: string) => Subject | Promise<Subject>,
  { refused, rounds = 20, watchMs = 300, shownWithinMs = 5_000 }: ConformanceOptions = {},
): void {
  describe(`${name} keeps the contract of a registry adapter`, () => {
    const adapters: RegistryAdapter[] = [];
    let number = 0;

    const nextId = (): string => {
      number += 1;
      return `${name.replaceAll(/[^A-Za-z0-9]+/g, '-')}-${process.pid}-${number}`;
    };
    const subject = async (id = nextId()): Promise<Subject> => {
      const made = await factory(id);
      const create = (): RegistryAdapter => {
        const adapter = made.create();
        adapters.push(adapter);
        return adapter;
      };
      return { ...made, create };
    };
    const shown = (adapter: RegistryAdapter, sighting: Sighting): Promise<void> =>
      eventually(() => adapter.check(call()), sighting, shownWithinMs);
    const observed = (made: Subject, listed: boolean): Promise<void> =>
      eventually(() => made.observe(), listed, shownWithinMs);

    afterEach(async () => {
      for (const adapter of adapters.splice(0)) {
        await adapter.deregister(call()).catch(() => undefined);
        await adapter.close();
      }
    });

    it('has a name and a settle time', async () => {
      const adapter = (await subject()).create();
      expect(adapter.name).not.toBe('');
      expect(adapter.settleMs).toBeGreaterThanOrEqual(0);
    });

    it('registers, and is seen by others and by itself', async () => {
      const made = await subject();
      const adapter = made.create();
      expect(await made.observe()).toBe(false);
      await adapter.register(call());
      await observed(made, true);
      await shown(adapter, 'visible');
    });

    it('deregisters, and is gone for others and for itself', async () => {
      const made = await subject();
      const adapter = made.create();
      await adapter.register(call());
      await shown(adapter, 'visible');
      expect(await adapter.deregister(call())).toBe('removed');
      await shown(adapter, 'gone');
      await observed(made, false);
    });

    it("answers 'absent' to a second deregistration", async () => {
      const made = await subject();
      const adapter = made.create();
      await adapter.register(call());
      await shown(adapter, 'visible');
      await adapter.deregister(call());
      await shown(adapter, 'gone');
      expect(await adapter.deregister(call())).toBe('absent');
      await shown(adapter, 'gone');
    });

    it("answers 'absent' to a deregistration without a registration", async () => {
      expect(await (await subject()).create().deregister(call())).toBe('absent');
    });

    it('may be registered twice', async () => {
      const made = await subject();
      const adapter = made.create();
      await adapter.register(call());
      await adapter.register(call());
      await shown(adapter, 'visible');
      expect(await adapter.deregister(call())).toBe('removed');
      await shown(adapter, 'gone');
      await stays(() => made.observe(), false, watchMs);
    });

    it('may be registered again after it was deregistered', async () => {
      const made = await subject();
      const adapter = made.create();
      for (let time = 0; time < 2; time++) {
        await adapter.register(call());
        await shown(adapter, 'visible');
        await observed(made, true);
        await pause(watchMs);
        expect(await made.observe()).toBe(true);
        expect(await adapter.deregister(call())).toBe('removed');
        await shown(adapter, 'gone');
      }
    });

    it('ends as it was last told when calls overlap', async () => {
      const made = await subject();
      const adapter = made.create();
      const registered = adapter.register(call());
      const deregistered = adapter.deregister(call());
      await Promise.all([registered, deregistered]);
      await observed(made, false);
      await stays(() => made.observe(), false, watchMs);
    });

    it('checks the registry and no cache', async () => {
      const made = await subject();
      const [adapter, other] = [made.create(), made.create()];
      for (let time = 0; time < 3; time++) {
        await adapter.register(call());
        await shown(other, 'visible');
        await adapter.deregister(call());
        await shown(other, 'gone');
      }
    });

    it('makes no call when its signal is aborted already', async () => {
      const made = await subject();
      const adapter = made.create();
      const signal = AbortSignal.abort(new Error('too late'));
      for (const method of ['register', 'deregister', 'check'] as const) {
        const started = performance.now();
        const error = await rejection(adapter[method]({ signal }));
        expect(performance.now() - started).toBeLessThan(PROMPT_MS);
        expect(isRegistryError(error), inspect(error)).toBe(true);
        expect(getEventListeners(signal, 'abort')).toHaveLength(0);
      }
      await stays(() => made.observe(), false, watchMs);
    });

    it('obeys a signal that aborts during a call, and holds on to nothing', async () => {
      const adapter = (await subject()).create();
      for (const method of ['register', 'deregister', 'check'] as const) {
        const controller = new AbortController();
        const { signal } = controller;
        const outcome = adapter[method]({ signal }).then(
          () => undefined,
          (error: unknown) => error,
        );
        controller.abort();
        const started = performance.now();
        const error = await outcome;
        expect(performance.now() - started).toBeLessThan(PROMPT_MS);
        // It may have been quicker.
        expect(error === undefined || isRegistryError(error), inspect(error)).toBe(true);
        expect(getEventListeners(signal, 'abort')).toHaveLength(0);
      }
    });

    it('leaves no listener on a signal that lives on', async () => {
      const adapter = (await subject()).create();
      const { signal } = new AbortController();
      await adapter.register({ signal });
      await adapter.check({ signal });
      await adapter.deregister({ signal });
      expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    });

    it('closes twice without deregistering', async () => {
      const made = await subject();
      const adapter = made.create();
      await adapter.register(call());
      await observed(made, true);
      await adapter.close();
      await adapter.close();
      expect(await made.observe()).toBe(true);
      expect(await made.create().deregister(call())).toBe('removed');
      await observed(made, false);
    });

    it('keeps no process alive once it is closed', async () => {
      const { child } = await subject();
      const file = fileURLToPath(new URL('./fixtures/conformance-child.mjs', import.meta.url));
      const built = new URL('../dist', import.meta.url);
      if (!existsSync(built)) throw new Error('this test runs the built package: run `npm run build` first');
      const service = await startService({ file, args: [JSON.stringify({ ...child, heartbeatsMs: watchMs })] });
      try {
        const closed = await service.waitForLine(/^closed$/, 15_000);
        const exit = await Promise.race([service.exited, pause(EXIT_MS).then(() => undefined)]);
        expect(exit, 'it is still running').toBeDefined();
        expect(exit?.code).toBe(0);
        expect((exit?.atMs ?? 0) - closed.atMs).toBeLessThan(EXIT_MS);
      } finally {
        await service.kill();
      }
    });

    it(`is never back after it was gone, in ${rounds} rounds`, {
      timeout: 20_000 + rounds * (watchMs + 2_000),
    }, async () => {
      const made = await subject();
      const adapter = made.create();
      for (let round = 0; round < rounds; round++) {
        await adapter.register(call());
        await observed(made, true);
        // Some rounds end in the middle of a heartbeat, wherever that may be.
        await pause((round % 10) * 7);
        expect(await adapter.deregister(call())).toBe('removed');
        await observed(made, false);
        await stays(() => made.observe(), false, watchMs);
      }
    });

    if (refused === undefined) return;

    it('shows no secret in its errors', async () => {
      const id = nextId();
      const made = await subject(id);
      await made.create().register(call());
      await observed(made, true);
      const { adapter, secrets } = refused(id);
      adapters.push(adapter);
      for (const method of ['register', 'deregister', 'check'] as const) {
        const outcome: unknown = await adapter[method](call()).catch((error: unknown) => error);
        // A reader without rights may be told that it sees nothing, which is no error.
        if (method !== 'check') expect(isRegistryError(outcome), inspect(outcome)).toBe(true);
        const everything = `${inspect(outcome, { depth: 20, showHidden: true, maxStringLength: null })}
          ${JSON.stringify(outcome)}`;
        for (const secret of secrets) {
          expect(everything).not.toContain(secret);
          expect(everything).not.toContain(encodeURIComponent(secret));
        }
      }
    });
  });
}

function call(): { signal: AbortSignal } {
  return { signal: AbortSignal.timeout(10_000) };
}

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('it was expected to reject');
}
