import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { output } from './command.ts';
import { NODE_IP, POD_SUBNET, SERVICE_SUBNET } from './node.ts';

const BRIDGE = 'prestop0';

/** The node's network, in the namespace of this process: loopback and the bridge of the pods, whose address is the node's. */
export async function setUpNetwork(): Promise<void> {
  const ip = (line: string): Promise<string> => output('ip', line.split(' '));
  await ip('link set lo up');
  await ip(`link add ${BRIDGE} type bridge`);
  await ip(`addr add ${NODE_IP}/24 dev ${BRIDGE}`);
  await ip(`link set ${BRIDGE} up`);
  // Services have no interface; without a route nothing is sent to where kube-proxy would turn it around.
  await ip(`route add ${SERVICE_SUBNET} dev ${BRIDGE}`);
  // Pods reach each other and the Services through the node. The switch belongs to the network namespace.
  writeFileSync('/proc/sys/net/ipv4/ip_forward', '1');
}

/** @returns the folder with the configuration of the network plugin. */
export function writeCni(config: string): string {
  const network = {
    cniVersion: '0.4.0',
    name: 'pods',
    type: 'bridge',
    bridge: BRIDGE,
    isGateway: true,
    // A pod may reach itself through its own Service.
    hairpinMode: true,
    ipMasq: false,
    ipam: { type: 'host-local', ranges: [[{ subnet: POD_SUBNET, gateway: NODE_IP }]], routes: [{ dst: '0.0.0.0/0' }] },
  };
  writeFileSync(join(config, '10-pods.conf'), JSON.stringify(network));
  return config;
}
