export { nacos } from './nacos-adapter.ts';
export type { NacosApiName, NacosOptions } from './options.ts';
export { nacosSettleMs } from './settle.ts';
