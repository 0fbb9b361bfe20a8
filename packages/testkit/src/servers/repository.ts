import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root of the repository; `src/servers` and `dist/servers` are equally deep. */
export const repositoryFolder: string = fileURLToPath(new URL('../../../../', import.meta.url));

/** Where built servers are kept; git-ignored. */
export const serverCacheFolder: string = join(repositoryFolder, '.cache', 'servers');
