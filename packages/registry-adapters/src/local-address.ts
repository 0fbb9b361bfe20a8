import { networkInterfaces } from 'node:os';

/**
 * The address at which other machines most likely reach this one: the first IPv4 address that is not internal, else the
 * first such IPv6 address that is not link-local, else `127.0.0.1`. In a pod that is the pod's own address. A machine
 * with several networks must be told instead (`status.podIP` through the downward API).
 */
export function localAddress(): string {
  const external = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, address }) => !internal && !address.toLowerCase().startsWith('fe80:'));
  const chosen = external.find(({ family }) => family === 'IPv4') ?? external[0];
  return chosen?.address ?? '127.0.0.1';
}
