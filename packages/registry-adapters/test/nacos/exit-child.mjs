// Registers, deregisters and closes at once: the shortest life, which the npm client alone would stretch to ten seconds.
import { nacos } from '@prestop/registry-adapters/nacos';

const adapter = nacos(JSON.parse(process.argv[2]));
const call = () => ({ signal: AbortSignal.timeout(5_000) });

try {
  await adapter.register(call());
  await adapter.deregister(call());
} catch (error) {
  console.log(`failed ${error.kind}: ${error.message}`);
}
await adapter.close();
console.log('closed', process.getActiveResourcesInfo().join());
