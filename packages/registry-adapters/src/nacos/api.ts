/** How the server took a heartbeat. */
export interface BeatAnswer {
  /** Whether the server knows the instance; if not, the heartbeat did nothing and it must be registered again. */
  readonly known: boolean;
  /** Time between two heartbeats that the server wants, in milliseconds, where it says one. */
  readonly intervalMs?: number;
}

/** One entry of the list that consumers get. */
export interface Listed {
  readonly ip: string;
  readonly port: number;
}

/**
 * One of Nacos' HTTP APIs, for one instance, one server at a time.
 *
 * Every method rejects with a `RegistryError` when the server did not do it.
 */
export interface NacosApi {
  /** Makes or updates the instance. */
  register(server: string, signal: AbortSignal): Promise<void>;
  /** Succeeds whether or not the instance was there: the server does not say. */
  deregister(server: string, signal: AbortSignal): Promise<void>;
  /** Never makes the instance: both APIs have a heartbeat that only renews. */
  beat(server: string, signal: AbortSignal): Promise<BeatAnswer>;
  /** The whole service in all clusters, healthy or not. */
  list(server: string, signal: AbortSignal): Promise<readonly Listed[]>;
}
