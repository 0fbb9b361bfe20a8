// Registers, lives for some heartbeats, closes the adapter, and then has nothing more to do.
import { setTimeout as sleep } from 'node:timers/promises';

const { module, factory, options, heartbeatsMs } = JSON.parse(process.argv[2]);
const adapter = (await import(module))[factory](options);
const call = () => ({ signal: AbortSignal.timeout(5_000) });

await adapter.register(call());
while ((await adapter.check(call())) !== 'visible') await sleep(20);
await sleep(heartbeatsMs);
await adapter.close();
console.log('closed');
