import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { gunzipSync } from 'node:zlib';

export interface UdpSubscriber {
  /** How many instances were in the lists that the server pushed, in their order. */
  readonly pushed: readonly number[];
  close(): void;
}

/** Subscribes to a service with the bare protocol of Nacos 1.x clients: what the server says, before any client thinks. */
export async function subscribeWithUdp(addr: string, service: string): Promise<UdpSubscriber> {
  const pushed: number[] = [];
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  socket.on('message', (message, sender) => {
    const isZipped = message[0] === 0x1f && message[1] === 0x8b;
    const packet = JSON.parse((isZipped ? gunzipSync(message) : message).toString()) as Record<string, string>;
    pushed.push((JSON.parse(packet['data'] ?? '{}') as { hosts: readonly unknown[] }).hosts.length);
    const ack = { type: 'push-ack', lastRefTime: packet['lastRefTime'], data: '' };
    socket.send(JSON.stringify(ack), sender.port, sender.address);
  });
  const query = new URLSearchParams({
    serviceName: service,
    clientIP: '127.0.0.1',
    udpPort: String(socket.address().port),
  });
  await fetch(`${addr}/nacos/v1/ns/instance/list?${query.toString()}`, {
    headers: { 'User-Agent': 'Nacos-Java-Client:v1.0.0' },
  });
  return { pushed, close: () => socket.close() };
}
