export type { FileInstance } from './entry.ts';
export { file } from './file-adapter.ts';
export type { FileOptions } from './options.ts';
export { readInstances } from './read-instances.ts';
