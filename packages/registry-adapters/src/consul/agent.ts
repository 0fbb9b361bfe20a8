import type { FullCheck } from './check.ts';
import type { ClientCall, ConsulClient, ServiceRegistration } from './client-package.ts';
import type { Connection } from './connection.ts';
import { isUnknownCheck, isUnknownService } from './errors.ts';

/** What we ask of the agent for one instance. Every method throws `RegistryError`. */
export class Agent {
  readonly #connection: Connection;
  readonly #registration: ServiceRegistration;

  constructor(connection: Connection, registration: ServiceRegistration) {
    this.#connection = connection;
    this.#registration = registration;
  }

  /** Where it is, without credentials. */
  get address(): string {
    return this.#connection.address;
  }

  /** Registering twice under one id is an update. */
  register(signal: AbortSignal): Promise<void> {
    return this.#call('register', signal, (client, call) =>
      client.agent.service.register({ ...call, ...this.#registration }),
    );
  }

  /** @returns false when the agent does not hold the instance. */
  async deregister(signal: AbortSignal): Promise<boolean> {
    const { id } = this.#registration;
    try {
      await this.#call('deregister', signal, (client, call) => client.agent.service.deregister({ ...call, id }));
      return true;
    } catch (error) {
      if (isUnknownService(error)) return false;
      throw error;
    }
  }

  /** Says that we live. @returns false when the agent does not hold the instance. */
  async pass(signal: AbortSignal): Promise<boolean> {
    // The name that Consul gives to a service's only check.
    const id = `service:${this.#registration.id}`;
    try {
      await this.#call('heartbeat of', signal, (client, call) => client.agent.check.pass({ ...call, id }));
      return true;
    } catch (error) {
      if (isUnknownCheck(error)) return false;
      throw error;
    }
  }

  /** Whether the agent holds the instance. */
  async holds(signal: AbortSignal): Promise<boolean> {
    const { id } = this.#registration;
    const services = await this.#call('look for', signal, (client, call) =>
      client.agent.service.list({ ...call, filter: `ID == ${JSON.stringify(id)}` }),
    );
    return typeof services === 'object' && services !== null && Object.hasOwn(services, id);
  }

  maintenance(enable: boolean, reason: string | undefined, signal: AbortSignal): Promise<void> {
    const { id } = this.#registration;
    const about = reason === undefined ? { id, enable } : { id, enable, reason };
    return this.#call(`maintenance ${enable ? 'on' : 'off'} for`, signal, (client, call) =>
      client.agent.service.maintenance({ ...call, ...about }),
    );
  }

  /** The name of the agent's node. Takes `agent:read`, which a service's token rarely has. */
  async nodeName(signal: AbortSignal): Promise<string | undefined> {
    const self = await this.#call('look for', signal, (client, call) => client.agent.self(call));
    return (self as { readonly Config?: { readonly NodeName?: string } } | undefined)?.Config?.NodeName;
  }

  #call<Result>(
    what: string,
    signal: AbortSignal,
    run: (client: ConsulClient, call: ClientCall) => Promise<Result>,
  ): Promise<Result> {
    const { name, id } = this.#registration;
    return this.#connection.call({ name: `${what} "${id}"`, rights: `service:write for "${name}"`, signal, run });
  }
}

/** In the names of the client, with durations as Go reads them. Good from the start: it is registered when it serves. */
export function checkDefinition(check: FullCheck, criticalAfterMs: number): Readonly<Record<string, string | boolean>> {
  const common = { status: 'passing', deregistercriticalserviceafter: `${criticalAfterMs}ms` };
  if (check.type === 'ttl') return { ttl: `${check.ttlMs}ms`, ...common };
  return {
    http: check.url,
    interval: `${check.intervalMs}ms`,
    timeout: `${check.timeoutMs}ms`,
    tlsskipverify: !check.verifyTls,
    ...common,
  };
}
