/** The v3 API against a server written by hand from the manual; see `server-v3.ts`. */
import { nacos } from '@prestop/registry-adapters/nacos';
import { afterAll } from 'vitest';
import { conformance } from './conformance.ts';
import { startFixture } from './nacos/fixture.ts';
import { serverV3 } from './nacos/server-v3.ts';
import { hostsOf } from './nacos/support.ts';

const fixture = await startFixture(serverV3());
afterAll(() => fixture.close());

conformance(
  'nacos v3',
  (id) => {
    const options = { serverList: fixture.addr, name: id, ip: '10.1.2.3', port: 3000, heartbeatMs: 50 };
    return {
      create: () => nacos(options),
      observe: async () => (await hostsOf(fixture.addr, { service: id })).length > 0,
      child: { module: '@prestop/registry-adapters/nacos', factory: 'nacos', options },
    };
  },
  { rounds: 50, watchMs: 120 },
);
