export type { ConsulCheck, ConsulHttpCheck, ConsulTtlCheck } from './check.ts';
export { type ConsulAdapter, consul, type MaintenanceOptions } from './consul-adapter.ts';
export type { ConsulOptions, ConsulWeights } from './options.ts';
export { consulSettleMs } from './settle.ts';
export type { ConsulTls } from './tls.ts';
