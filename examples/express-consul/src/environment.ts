import { consulSettleMs } from '@prestop/registry-adapters/consul';
import { type Environment, readEnvironment } from '@prestop-examples/order-service';

export interface ConsulEnvironment extends Environment {
  readonly serviceName: string;
  /** How late the most stale caller learns of a removal, in milliseconds: those of Consul, or others in front of it. */
  readonly floorMs: number;
}

/** `CONSUL_HTTP_ADDR`, `CONSUL_HTTP_TOKEN` and their family are read by the adapter itself. */
export function readConsulEnvironment(env: NodeJS.ProcessEnv = process.env): ConsulEnvironment {
  return {
    ...readEnvironment(env),
    serviceName: env['SERVICE_NAME'] ?? 'orders',
    floorMs: Number(env['FLOOR_MS'] ?? consulSettleMs.blockingQuery),
  };
}
