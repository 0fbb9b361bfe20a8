import type { Server } from 'node:net';

/** Known by a method that only it has: its class would load `node:tls` into every service. */
export function isTlsServer(server: Server): boolean {
  return 'setSecureContext' in server && typeof server.setSecureContext === 'function';
}
