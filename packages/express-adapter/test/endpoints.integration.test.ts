import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createLifecycle, ENDPOINTS, type Lifecycle, type LifecycleOptions, TOKEN_HEADER } from '@prestop/core';
import { type PrestopOptions, prestop } from '@prestop/express-adapter';
import { openRaw, type RawResponse } from '@prestop/testkit';
import type { Express } from 'express';
import { describe, expect, it } from 'vitest';
import { get, head, post } from '../../core/test/fixtures/messages.ts';
import { VERSIONS } from './fixtures/versions.ts';

const TOKEN = 'correct-horse-battery';
const GUARDED = ENDPOINTS.filter((endpoint) => endpoint !== '/livez' && endpoint !== '/readyz');

type Ask = (message: string, isHead?: boolean) => Promise<RawResponse>;

async function withApp(
  app: Express,
  options: LifecycleOptions,
  mount: (lifecycle: Lifecycle) => void,
  use: (ask: Ask, lifecycle: Lifecycle) => Promise<void>,
): Promise<void> {
  const lifecycle = createLifecycle({
    admin: false,
    signals: [],
    logger: false,
    terminationMessagePath: false,
    floorMs: 0,
    exit: () => {},
    ...options,
  });
  mount(lifecycle);
  app.get('/orders', (_request, response) => void response.send('orders'));
  const server: Server = createServer(app).listen(0);
  try {
    await once(server, 'listening');
    lifecycle.attach(server);
    await lifecycle.start();
    const { port } = server.address() as AddressInfo;
    await use(async (message, isHead = false) => {
      const socket = await openRaw(port);
      socket.write(message);
      try {
        return await socket.readResponse({ head: isHead });
      } finally {
        await socket.close();
      }
    }, lifecycle);
  } finally {
    await lifecycle.stop();
    server.close();
    server.closeAllConnections();
  }
}

describe.each(VERSIONS)('the endpoints on $version', ({ express }) => {
  const run = (
    options: PrestopOptions | undefined,
    use: (ask: Ask, lifecycle: Lifecycle) => Promise<void>,
    path = '/',
  ): Promise<void> => {
    const app = express();
    return withApp(app, {}, (lifecycle) => void app.use(path, prestop(lifecycle, options)), use);
  };

  const statusesOf = async (ask: Ask, targets: readonly string[], fields = {}): Promise<number[]> => {
    const statuses: number[] = [];
    for (const target of targets) statuses.push((await ask(get(target, fields))).status);
    return statuses;
  };

  it("are /livez and /readyz by default; the others fall through to the application's own 404", async () => {
    for (const options of [undefined, {}, { endpoints: 'probes' }] as const) {
      await run(options, async (ask, lifecycle) => {
        expect(await statusesOf(ask, ['/livez', '/readyz', '//livez', '/readyz?x=1'])).toEqual([200, 200, 200, 200]);
        for (const endpoint of GUARDED) {
          const { status, body } = await ask(get(endpoint, { [TOKEN_HEADER]: TOKEN }));
          expect(status, endpoint).toBe(404);
          expect(body, endpoint).toContain(`Cannot GET ${endpoint}`);
        }
        expect(lifecycle.phase).toBe('ready');
        expect((await ask(get('/orders'))).body).toBe('orders');
      });
    }
  });

  it("are none with 'none'", async () => {
    await run({ endpoints: 'none' }, async (ask, lifecycle) => {
      expect(await statusesOf(ask, ENDPOINTS)).toEqual(ENDPOINTS.map(() => 404));
      expect(lifecycle.phase).toBe('ready');
    });
  });

  it("are all with 'all', behind the token, which the probes do not need", async () => {
    await run({ endpoints: 'all', token: TOKEN }, async (ask, lifecycle) => {
      expect(await statusesOf(ask, ['/livez', '/readyz'])).toEqual([200, 200]);
      for (const fields of [{}, { [TOKEN_HEADER]: 'wrong-token' }, { Authorization: 'Bearer wrong-token' }]) {
        expect(await statusesOf(ask, GUARDED, fields)).toEqual(GUARDED.map(() => 403));
      }
      expect((await ask(head('HEAD', '/prestop'), true)).status).toBe(403);
      expect((await ask(post('/prestop', ''))).status).toBe(403);
      expect((await ask(head('DELETE', '/prestop', { [TOKEN_HEADER]: TOKEN }))).status).toBe(405);
      expect(lifecycle.phase, 'nothing was changed').toBe('ready');
      const others = GUARDED.filter((endpoint) => endpoint !== '/prestop');
      expect(await statusesOf(ask, others, { [TOKEN_HEADER]: TOKEN })).toEqual(others.map(() => 200));
      const { status, body } = await ask(get('//prestop?x=1', { Authorization: `Bearer ${TOKEN}` }));
      expect(status).toBe(200);
      expect(JSON.parse(body)).toMatchObject({ outcome: 'drained', requests: { late: { count: 0 } } });
      expect(lifecycle.phase).toBe('draining');
    });
  });

  it('answer under a path as they do at the root', async () => {
    await run(
      { endpoints: 'all', token: TOKEN },
      async (ask, lifecycle) => {
        expect(await statusesOf(ask, ['/livez', '/readyz', '/prestop'], { [TOKEN_HEADER]: TOKEN })).toEqual([
          404, 404, 404,
        ]);
        expect(await statusesOf(ask, ['/internal/livez', '/internal/readyz?x', '/internal/prestop'])).toEqual([
          200, 200, 403,
        ]);
        expect(lifecycle.phase).toBe('ready');
        expect((await ask(get('/internal/prestop', { [TOKEN_HEADER]: TOKEN }))).status).toBe(200);
      },
      '/internal',
    );
  });

  it('answer before every other middleware when mounted first', async () => {
    const app = express();
    await withApp(
      app,
      {},
      (lifecycle) => {
        app.use(prestop(lifecycle));
        app.use((_request, response) => void response.status(401).send('who are you?'));
      },
      async (ask) => {
        expect(await statusesOf(ask, ['/livez', '/orders'])).toEqual([200, 401]);
      },
    );
  });

  it('are no traffic: a load balancer of unknown name neither keeps the service up nor is late', async () => {
    const app = express();
    const options: LifecycleOptions = {
      terminationGracePeriodSeconds: 10,
      quiet: { minMs: 400, maxMs: 400 },
      readyzWhileServing: 'serve',
    };
    await withApp(
      app,
      options,
      (lifecycle) => void app.use(prestop(lifecycle)),
      async (ask, lifecycle) => {
        let over = false;
        let asked = 0;
        const probing = (async () => {
          while (!over) {
            expect((await ask(get('/readyz', { 'User-Agent': 'some-balancer/1.0' }))).status).toBe(200);
            asked += 1;
          }
        })();
        const report = await lifecycle.terminate({ kind: 'prestop' });
        over = true;
        await probing;
        expect(asked).toBeGreaterThan(20);
        expect(report).toMatchObject({
          lameDuck: { endedBy: 'quiet' },
          requests: { answered: 0, late: { count: 0, callers: [] } },
        });
        expect(lifecycle.status()).toMatchObject({ answered: 0, late: 0 });
      },
    );
  });
});

describe('prestop()', () => {
  const lifecycle = createLifecycle({ admin: false, signals: [] });

  it.each([
    [{ endpoints: 'all' }, 'ERR_PRESTOP_OPTION_CONFLICT', 'endpoints'],
    [{ endpoints: 'some' }, 'ERR_PRESTOP_OPTION_INVALID', 'endpoints'],
    [{ endpoints: true }, 'ERR_PRESTOP_OPTION_INVALID', 'endpoints'],
    [{ endpoints: 'all', token: '' }, 'ERR_PRESTOP_OPTION_INVALID', 'token'],
    [{ endpoints: 'all', token: 'secret!' }, 'ERR_PRESTOP_OPTION_INVALID', 'token'],
    [{ endpoints: 'all', token: 'with a space' }, 'ERR_PRESTOP_OPTION_INVALID', 'token'],
    [{ token: 12345678 }, 'ERR_PRESTOP_OPTION_INVALID', 'token'],
    [{ tokens: 'correct-horse' }, 'ERR_PRESTOP_OPTION_UNKNOWN', 'tokens'],
    ['all', 'ERR_PRESTOP_OPTION_INVALID', 'options'],
  ] as const)('refuses %j', (options, code, option) => {
    const attempt = (): unknown => prestop(lifecycle, options as PrestopOptions);
    expect(attempt).toThrow(expect.objectContaining({ name: 'LifecycleError', code, option }));
    expect(attempt, 'no secret is shown').not.toThrow(/secret!|with a space/);
  });

  it.each([undefined, null, {}, 'lifecycle'])('refuses %j for a lifecycle', (value) => {
    expect(() => prestop(value as never)).toThrow(
      expect.objectContaining({ code: 'ERR_PRESTOP_OPTION_INVALID', option: 'lifecycle' }),
    );
  });
});
