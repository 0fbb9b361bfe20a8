import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startConsul } from '../../src/servers/index.ts';

/** Starts a Consul and writes its address to `name` in the folder that the environment names. */
export async function startAndTell(name: string): Promise<void> {
  const { CONSUL_BINARY: binary, TELL_FOLDER: folder } = process.env;
  if (binary === undefined || folder === undefined) throw new Error('CONSUL_BINARY and TELL_FOLDER must be set');
  const server = await startConsul({ binary });
  writeFileSync(join(folder, name), server.addr);
}
