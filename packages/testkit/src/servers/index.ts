/** The real Consul and Nacos that tests run against. */
export { ADDRESS_VARIABLE, type BuildName, mustSkip, type ServerName, type Unavailable } from './availability.ts';
export {
  type ConsulBinary,
  ensureConsulBinary,
  ensureKubernetesPrograms,
  ensureNacosClasspath,
  type KubernetesPrograms,
  type NacosClasspath,
} from './build.ts';
export type { BuildOptions } from './cached-build.ts';
export { type ConsulOptions, type ConsulServer, type ConsulTls, startConsul } from './consul.ts';
export { type NacosOptions, type NacosServer, startNacos } from './nacos.ts';
export { type Progress, stderrProgress } from './progress.ts';
export type { ServerControls } from './server-process.ts';
export {
  openConsul,
  openNacos,
  resolveConsul,
  resolveNacos,
  type ServerAddress,
  type TestServer,
} from './test-servers.ts';
