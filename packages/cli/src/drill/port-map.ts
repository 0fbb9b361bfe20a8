import type { PortSlot } from './settings.ts';

/**
 * Loaded into a service before its own code: `listen` on a port of the list takes the free port instead, so that two pods
 * of a service with a fixed port fit on one machine. Runs as it stands here, in a process that knows nothing of the drill.
 */
const PRELOAD = `
import net from 'node:net';
const ports = new Map(JSON.parse(process.env.PRESTOP_DRILL_PORTS));
const listen = net.Server.prototype.listen;
const mapped = (port) => ports.get(Number(port)) ?? port;
net.Server.prototype.listen = function (...args) {
  const [first] = args;
  if (typeof first === 'number' || (typeof first === 'string' && /^\\d+$/.test(first))) args[0] = mapped(first);
  else if (typeof first === 'object' && first !== null && first.port !== undefined) {
    args[0] = { ...first, port: mapped(first.port) };
  }
  return listen.apply(this, args);
};
`;

/** The environment that makes a service listen where a pod wants it to; `ports` are the free ports in order of the slots. */
export function portEnvironment(
  slots: readonly PortSlot[],
  ports: readonly number[],
  nodeOptions: string | undefined,
): Record<string, string> {
  const env: Record<string, string> = {};
  const fixed: [number, number][] = [];
  for (const [index, { settings, declared }] of slots.entries()) {
    const port = ports[index] ?? 0;
    for (const name of settings) env[name] = String(port);
    if (declared !== undefined) fixed.push([declared, port]);
  }
  if (fixed.length === 0) return env;
  const preload = `--import=data:text/javascript,${encodeURIComponent(PRELOAD)}`;
  return {
    ...env,
    PRESTOP_DRILL_PORTS: JSON.stringify(fixed),
    NODE_OPTIONS: [nodeOptions, preload].filter((part) => part !== undefined && part !== '').join(' '),
  };
}
