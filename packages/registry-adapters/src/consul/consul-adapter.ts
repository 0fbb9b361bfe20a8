import { type RegistryAdapter, type RegistryCallOptions, RegistryError, type Sighting } from '@prestop/core';
import { aborted, unlessAborted } from '../abort.ts';
import { localAddress } from '../local-address.ts';
import { Serial } from '../serial.ts';
import { wrongAbsence } from './absence.ts';
import { Agent, checkDefinition } from './agent.ts';
import { Eyesight, type Look, lookAtCatalog, type SoughtInstance } from './catalog.ts';
import { fullCheck } from './check.ts';
import { loadClientClass } from './client-package.ts';
import { Connection } from './connection.ts';
import { Heartbeat } from './heartbeat.ts';
import { type ConsulOptions, checkConsulOptions } from './options.ts';
import { settingsOf } from './settings.ts';
import { consulSettleMs } from './settle.ts';

/** A {@link RegistryAdapter} for Consul. */
export interface ConsulAdapter extends RegistryAdapter {
  /**
   * Maintenance mode: the reversible, soft way out. With `'on'` the instance stays listed and is critical, so that DNS
   * and `?passing` leave it out while monitoring still finds it; `'off'` takes that back. It outlives the process and a
   * restart of the agent; {@link RegistryAdapter.register} ends it, also a predecessor's under the same id.
   *
   * It is no deregistration: a lifecycle does not use it, and `check` goes on saying `'visible'`.
   *
   * @throws RegistryError; of kind `invalid` when the agent does not hold the instance.
   */
  maintenance(mode: 'on' | 'off', options: MaintenanceOptions): Promise<void>;
}

export interface MaintenanceOptions extends RegistryCallOptions {
  /** For people, in Consul's web interface. Default: none. */
  readonly reason?: string;
}

const CRITICAL_AFTER_MS = 60_000;

/**
 * Registers one instance with the Consul agent of its node, through npm `consul` 2.x (a peer dependency: `npm install
 * consul@2`).
 *
 * - Heartbeats are the adapter's. A deregistration first stops them and awaits the one on the wire. When the agent has
 *   lost the registration (a restart without a data folder) the next heartbeat registers again.
 * - `deregister` asks the agent, which answers before the catalog knows; `check` reads the catalog through the leader.
 * - `check` says `'unknown'`, never `'gone'`, when the token may not see the instance.
 * - Nothing is read from the environment unless it is passed as `env`.
 *
 * It does not register sidecar proxies, and it is not for pods that consul-k8s registers: there the mesh's controller
 * owns the entry and puts it back. The usual mistake is a `url` in front of several agents; `deregister` recognises an
 * agent that does not hold the instance and says so. Namespaces and partitions need Consul Enterprise and are sent as its
 * API documents them; they could be tested only as far as the community edition refuses them.
 *
 * @throws LifecycleError for an option that is unknown, does not hold or conflicts with another.
 * @throws RegistryError `unsupported` when the npm package is missing or of another version.
 */
export function consul(options: ConsulOptions): ConsulAdapter {
  checkConsulOptions(options);
  return new Adapter(options);
}

class Adapter implements ConsulAdapter {
  readonly name: string;
  readonly settleMs: number;
  readonly #instance: SoughtInstance;
  readonly #connection: Connection;
  readonly #agent: Agent;
  readonly #heartbeat: Heartbeat;
  readonly #onHeartbeatError: ConsulOptions['onHeartbeatError'];
  readonly #eyesight = new Eyesight();
  readonly #serial = new Serial();
  /** Whether the last heartbeat failed. */
  #failing = false;
  /** When the agent first said that it had removed the instance, on the monotonic clock. */
  #removedAt: number | undefined;

  constructor(options: ConsulOptions) {
    const { name, port, address = localAddress(), tags = [], meta = {} } = options;
    const check = fullCheck(options.check ?? { type: 'ttl' }, address, port);
    const definition = checkDefinition(check, options.deregisterCriticalAfterMs ?? CRITICAL_AFTER_MS);
    this.name = options.registryName ?? 'consul';
    this.settleMs = options.settleMs ?? consulSettleMs.blockingQuery;
    this.#onHeartbeatError = options.onHeartbeatError;
    this.#instance = { name, id: options.id ?? `${name}-${address}-${port}`, address, port };
    this.#connection = new Connection(this.name, loadClientClass(this.name), settingsOf(options));
    this.#agent = new Agent(this.#connection, { ...this.#instance, tags, meta, check: definition });
    this.#heartbeat = new Heartbeat({
      intervalMs: check.heartbeatMs,
      beat: async (signal, isWanted) => {
        const isHeld = await (check.type === 'ttl' ? this.#agent.pass(signal) : this.#agent.holds(signal));
        if (!isHeld && isWanted()) await this.#agent.register(signal);
      },
      onSuccess: () => {
        this.#failing = false;
      },
      onFailure: (error) => this.#reportHeartbeat(error),
    });
  }

  register({ signal }: RegistryCallOptions): Promise<void> {
    return this.#inTurn('register', signal, async () => {
      await this.#agent.register(signal);
      this.#removedAt = undefined;
      this.#heartbeat.start();
    });
  }

  deregister({ signal }: RegistryCallOptions): Promise<'removed' | 'absent'> {
    // At once, and not only when it is this call's turn.
    this.#heartbeat.stop();
    return this.#inTurn('deregister', signal, async () => {
      if (await this.#agent.deregister(signal)) {
        this.#removedAt ??= performance.now();
        return 'removed';
      }
      await this.#explainAbsence(signal);
      return 'absent';
    });
  }

  async check({ signal }: RegistryCallOptions): Promise<Sighting> {
    return this.#eyesight.judge(await this.#look(signal));
  }

  async maintenance(mode: 'on' | 'off', { signal, reason }: MaintenanceOptions): Promise<void> {
    await this.#agent.maintenance(mode === 'on', reason, signal);
  }

  async close(): Promise<void> {
    this.#heartbeat.stop();
    this.#connection.close();
  }

  /** One after the other, and never beside a heartbeat. */
  #inTurn<Result>(call: string, signal: AbortSignal, operation: () => Promise<Result>): Promise<Result> {
    const giveUp = (): RegistryError => aborted(this.name, this.#describe(call), signal);
    return this.#serial.run(
      (before) => unlessAborted(before, signal, giveUp),
      async () => {
        await this.#heartbeat.fence(signal, giveUp);
        return operation();
      },
    );
  }

  /** @throws RegistryError when somebody must act on it. */
  async #explainAbsence(signal: AbortSignal): Promise<void> {
    const listedWith = await readable(async () => (await this.#look(signal)).node);
    if (listedWith === undefined) return;
    const error = wrongAbsence({
      registry: this.name,
      where: this.#describe('deregister'),
      listedWith,
      asked: await readable(() => this.#agent.nodeName(signal)),
      removedMsAgo: this.#removedAt === undefined ? undefined : performance.now() - this.#removedAt,
    });
    if (error !== undefined) throw error;
  }

  #look(signal: AbortSignal): Promise<Look> {
    return lookAtCatalog(this.#connection, this.name, this.#instance, signal);
  }

  #reportHeartbeat(thrown: unknown): void {
    const error = thrown as RegistryError;
    const isFirst = !this.#failing;
    this.#failing = true;
    try {
      if (this.#onHeartbeatError !== undefined) this.#onHeartbeatError(error);
      else if (isFirst) process.emitWarning(error.message, { type: 'PrestopWarning', code: 'PRESTOP_HEARTBEAT' });
    } catch (cause) {
      process.emitWarning(cause as Error);
    }
  }

  #describe(call: string): string {
    return `${call} "${this.#instance.id}" at ${this.#agent.address}`;
  }
}

/** For what only serves to explain: the agent may refuse to say it (`agent:read`), the servers may have no leader. */
async function readable<Result>(read: () => Promise<Result>): Promise<Result | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof RegistryError) return undefined;
    throw error;
  }
}
