import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { fileURLToPath } from 'node:url';
import { ENDPOINTS, type LifecycleOptions, RegistryError, type Sighting, TOKEN_HEADER } from '@prestop/core';
import { openRaw, startService } from '@prestop/testkit';
import { describe, expect, it } from 'vitest';
import { type Local, localRegistry, withLifecycle } from './fixtures/local.ts';
import { get, head, post } from './fixtures/messages.ts';
import { until } from './fixtures/until.ts';

const ADMIN: LifecycleOptions = { admin: { port: 0 }, start: 'manual' };
const hasIpv6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1'));

const statusOf = async (local: Local, message: string, isHead = false): Promise<number> =>
  (await local.admin(message, isHead)).status;

describe('where the admin server listens', () => {
  it.skipIf(!hasIpv6)('is IPv4 and IPv6, when nothing is said (skipped without ::1)', async () => {
    await withLifecycle(ADMIN, async ({ lifecycle }) => {
      await lifecycle.start();
      const port = lifecycle.adminAddress?.port ?? 0;
      for (const host of ['127.0.0.1', '::1']) {
        const socket = await openRaw(port, { host });
        socket.write(get('/livez', { Host: host.includes(':') ? `[${host}]` : host }));
        expect((await socket.readResponse()).status, host).toBe(200);
        await socket.close();
      }
    });
  });

  it('is the address that is given', async () => {
    await withLifecycle({ ...ADMIN, admin: { port: 0, host: '127.0.0.1' } }, async ({ lifecycle }) => {
      await lifecycle.start();
      expect(lifecycle.adminAddress).toMatchObject({ address: '127.0.0.1', family: 'IPv4' });
    });
  });

  it('is nowhere with admin: false', async () => {
    await withLifecycle({ start: 'manual' }, async ({ lifecycle }) => {
      await lifecycle.start();
      expect(lifecycle.adminAddress).toBeUndefined();
    });
  });
});

describe('a port that is taken', () => {
  async function withTakenPort(use: (port: number) => Promise<void>): Promise<void> {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, resolve));
    const address = holder.address();
    try {
      await use(typeof address === 'object' && address !== null ? address.port : 0);
    } finally {
      holder.close();
    }
  }

  it('is a LifecycleError of start(), and nothing is left listening', async () => {
    await withTakenPort((port) =>
      withLifecycle({ start: 'manual', admin: { port }, signals: ['SIGUSR2'] }, async ({ lifecycle, log }) => {
        const failure = lifecycle.start();
        await expect(failure).rejects.toMatchObject({
          name: 'LifecycleError',
          code: 'ERR_PRESTOP_ADMIN_LISTEN',
          option: 'admin.port',
          rule: 'a port and an address that can be listened on',
          value: String(port),
          cause: { code: 'EADDRINUSE' },
        });
        await expect(failure).rejects.toThrow(`port ${port} (EADDRINUSE); set admin.port, or admin: false`);
        await expect(lifecycle.start(), 'the same again').rejects.toMatchObject({ code: 'ERR_PRESTOP_ADMIN_LISTEN' });
        expect(log.filter(({ level }) => level === 'error')).toMatchObject([{ fields: { event: 'startFailed' } }]);
        expect(process.listenerCount('SIGUSR2')).toBe(0);
      }),
    );
  });

  it('ends a service that nobody awaits, loudly', async () => {
    await withTakenPort(async (port) => {
      const service = await startService({
        file: fileURLToPath(new URL('./fixtures/attach-only.mjs', import.meta.url)),
        env: { ADMIN_PORT: String(port) },
      });
      const { code } = await service.exited;
      expect(code).toBe(1);
      const output = service.lines.map(({ text }) => text).join('\n');
      expect(output).toContain('"event":"startFailed"');
      expect(output).toContain('ERR_PRESTOP_ADMIN_LISTEN');
    });
  });
});

describe('endpoints', () => {
  it('answer with a length, no cache, and the end of the connection; others are 404', async () => {
    await withLifecycle(ADMIN, async (local) => {
      await local.lifecycle.start();
      for (const target of [
        '/livez',
        '/readyz',
        '/status',
        '/poststart',
        '//livez',
        '/livez/',
        '/livez?a=b',
        '//status?x',
      ]) {
        const { status, headers, body } = await local.admin(get(target));
        expect(status, target).toBe(200);
        expect(headers, target).toMatchObject({
          'content-type': 'application/json; charset=utf-8',
          'content-length': String(body.length),
          'cache-control': 'no-store',
          connection: 'close',
        });
        expect(() => JSON.parse(body), target).not.toThrow();
      }
      for (const target of ['/', '/prestopp', '/prestop/now', '/PRESTOP', '/%70restop', '/livez/prestop', '*']) {
        const { status, headers } = await local.admin(get(target));
        expect({ status, connection: headers['connection'] }, target).toEqual({ status: 404, connection: 'close' });
      }
      expect(local.lifecycle.phase).toBe('ready');
    });
  });

  it('take GET and HEAD, and /prestop and /poststart POST as well; 405 says which, and does nothing', async () => {
    await withLifecycle(ADMIN, async (local) => {
      await local.lifecycle.start();
      for (const endpoint of ENDPOINTS) {
        const takesPost = endpoint === '/prestop' || endpoint === '/poststart';
        const allow = takesPost ? 'GET, HEAD, POST' : 'GET, HEAD';
        for (const method of ['DELETE', 'PUT', 'OPTIONS', ...(takesPost ? [] : ['POST'])]) {
          const { status, headers } = await local.admin(head(method, endpoint));
          expect({ status, allow: headers['allow'] }, `${method} ${endpoint}`).toEqual({ status: 405, allow });
        }
      }
      expect(local.lifecycle.phase).toBe('ready');
      for (const endpoint of ['/livez', '/readyz', '/status', '/poststart']) {
        const { status, body } = await local.admin(head('HEAD', endpoint), true);
        expect({ status, body }, endpoint).toEqual({ status: 200, body: '' });
      }
      expect(await statusOf(local, post('/poststart', 'x'.repeat(100_000)))).toBe(200);
    });
  });
});

describe('the token', () => {
  const TOKEN = 'correct-horse-battery';
  const options: LifecycleOptions = { ...ADMIN, admin: { port: 0, token: TOKEN }, floorMs: 0 };
  const WRONG: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    missing: {},
    empty: { [TOKEN_HEADER]: '' },
    'of the same length': { [TOKEN_HEADER]: 'correct-horse-batterY' },
    'a beginning of it': { [TOKEN_HEADER]: TOKEN.slice(0, -1) },
    longer: { [TOKEN_HEADER]: `${TOKEN}x` },
    'in another case': { [TOKEN_HEADER]: TOKEN.toUpperCase() },
    'twice, once right': { [TOKEN_HEADER]: `${TOKEN}, wrong` },
    'no bearer token': { Authorization: `Basic ${TOKEN}` },
    'a wrong bearer token': { Authorization: 'Bearer wrong-token' },
    'wrong in its own header, right as bearer': { [TOKEN_HEADER]: 'wrong-token', Authorization: `Bearer ${TOKEN}` },
    'in the query, which is no place for it': {},
  };

  it.each(Object.entries(WRONG))('%s: refused, logged loudly, and nothing is changed', async (title, fields) => {
    await withLifecycle(options, async (local) => {
      await local.lifecycle.start();
      const query = title.startsWith('in the query') ? `?token=${TOKEN}` : '';
      const before = local.lifecycle.status();
      const asked = ['/prestop', '//prestop', '/poststart', '/status'];
      for (const target of asked) expect(await statusOf(local, get(target + query, fields)), target).toBe(403);
      expect(await statusOf(local, head('HEAD', '/prestop', fields), true)).toBe(403);
      expect(await statusOf(local, post('/prestop', '', fields))).toBe(403);
      expect(local.lifecycle.status()).toEqual(before);
      const refusals = local.log.filter(({ fields: { event } }) => event === 'refused');
      expect(refusals.length).toBe(asked.length + 2);
      expect(refusals[0]).toMatchObject({
        level: 'error',
        message: expect.stringContaining('REFUSED'),
        fields: {
          endpoint: '/prestop',
          reason: 'the token is missing or wrong',
          remoteAddress: expect.stringMatching(/127/),
        },
      });
      expect(JSON.stringify(local.log), 'no secret in the log').not.toContain(TOKEN);
      // Probes cannot be told to carry one everywhere, and tell nothing.
      expect(await statusOf(local, get('/livez'))).toBe(200);
      expect(await statusOf(local, get('/readyz'))).toBe(200);
    });
  });

  it.each([
    { [TOKEN_HEADER]: TOKEN },
    { 'X-PRESTOP-TOKEN': TOKEN },
    { Authorization: `Bearer ${TOKEN}` },
    { authorization: `bearer  ${TOKEN}` },
  ])('is taken as %j', async (fields) => {
    await withLifecycle(options, async (local) => {
      await local.lifecycle.start();
      expect(await statusOf(local, get('/status', fields))).toBe(200);
      expect(await statusOf(local, get('/poststart', fields))).toBe(200);
      expect(await statusOf(local, get('/prestop', fields))).toBe(200);
      expect(local.lifecycle.phase).toBe('draining');
      expect(local.log.filter(({ fields: { event } }) => event === 'refused')).toEqual([]);
    });
  });
});

describe('/livez', () => {
  it('is 200 in every phase of a termination, until fail() declares a failure', async () => {
    await withLifecycle({ ...ADMIN, floorMs: 300, terminationGracePeriodSeconds: 10 }, async (local) => {
      const seen: Record<string, number> = {};
      const look = async (): Promise<void> => {
        const { phase } = local.lifecycle;
        seen[phase] = await statusOf(local, get('/livez'));
      };
      await local.lifecycle.start();
      await look();
      const hook = local.admin(get('/prestop'));
      await until(() => local.lifecycle.phase === 'lame-duck', 'the lame duck');
      await look();
      await hook;
      await look();
      expect(seen).toEqual({ ready: 200, 'lame-duck': 200, draining: 200 });
      local.lifecycle.fail('the pool is gone for good');
      local.lifecycle.fail('and something else');
      const { status, body } = await local.admin(get('/livez'));
      expect(status).toBe(503);
      expect(JSON.parse(body)).toEqual({ status: 'fail', reason: 'the pool is gone for good' });
      expect(local.lifecycle.status().live).toBe(false);
    });
  });
});

describe('/readyz', () => {
  it.each([
    { readyzWhileServing: undefined, serving: 503 },
    { readyzWhileServing: 'fail', serving: 503 },
    { readyzWhileServing: 'serve', serving: 200 },
  ] as const)(
    'with readyzWhileServing $readyzWhileServing is $serving from t0',
    async ({ readyzWhileServing, serving }) => {
      let proceed = (): void => {};
      const removing = new Promise<void>((resolve) => {
        proceed = resolve;
      });
      const registry = localRegistry({
        settleMs: 300,
        deregister: () => removing.then(() => 'removed' as const),
        check: async () => (local?.lifecycle.phase === 'starting' ? 'visible' : 'gone'),
      });
      let local: Local | undefined;
      await withLifecycle(
        { ...ADMIN, registry, ...(readyzWhileServing && { readyzWhileServing }), terminationGracePeriodSeconds: 10 },
        async (made) => {
          local = made;
          await made.lifecycle.start();
          expect(await statusOf(made, get('/readyz'))).toBe(200);
          const hook = made.admin(get('/prestop'));
          await until(() => made.lifecycle.phase === 'deregistering', 't0');
          expect(await statusOf(made, get('/readyz')), 'deregistering').toBe(serving);
          proceed();
          await until(() => made.lifecycle.phase === 'lame-duck', 'the lame duck');
          expect(await statusOf(made, get('/readyz')), 'lame duck').toBe(serving);
          await hook;
          expect(made.lifecycle.phase).toBe('draining');
          expect(await statusOf(made, get('/readyz')), 'drained, waiting for the signal').toBe(serving);
        },
      );
    },
  );
});

describe('/poststart, with a registry that is down at first', () => {
  it('blocks until the instance is registered and listed, and so does /readyz', async () => {
    let up = false;
    let taken = false;
    let seen: Sighting = 'gone';
    const registry = localRegistry({
      async register() {
        if (!up) throw new RegistryError('local', 'unavailable', 'no leader');
        taken = true;
      },
      check: async () => seen,
    });
    await withLifecycle({ ...ADMIN, registry }, async (local) => {
      const { port, ask } = await local.serve();
      expect(port).toBeGreaterThan(0);
      const started = local.lifecycle.start();
      let answered = 0;
      const blocked = [get('/poststart'), get('//poststart?x'), post('/poststart', '')].map(async (message) => {
        const { status } = await local.admin(message);
        answered += 1;
        return status;
      });
      const failures = (): number => local.log.filter(({ fields: { event } }) => event === 'registrationFailed').length;
      await until(() => failures() >= 2, 'two tries to register');
      expect(await statusOf(local, get('/readyz')), 'not registered').toBe(503);
      expect((await ask(get('/'))).status, 'callers that know it are served').toBe(200);
      up = true;
      // Registered, but a consumer that asks is not told of it yet.
      await until(() => taken, 'the registry took the instance');
      expect(local.log.find(({ fields: { event } }) => event === 'registered')).toBeUndefined();
      expect(await statusOf(local, get('/readyz')), 'not listed').toBe(503);
      expect(answered).toBe(0);
      seen = 'visible';
      expect(await Promise.all(blocked)).toEqual([200, 200, 200]);
      await started;
      expect(await statusOf(local, get('/readyz'))).toBe(200);
      expect(await statusOf(local, get('/poststart')), 'again, at once').toBe(200);
    });
  });

  it('is refused when the service terminates instead', async () => {
    const registry = localRegistry({
      register: () => Promise.reject(new RegistryError('local', 'unavailable', 'no leader')),
    });
    await withLifecycle({ ...ADMIN, registry }, async (local) => {
      void local.lifecycle.start();
      const poststart = local.admin(get('/poststart'));
      await until(() => local.log.some(({ fields: { event } }) => event === 'registrationFailed'), 'a try to register');
      const hook = local.admin(get('/prestop'));
      expect((await poststart).status).toBe(503);
      expect((await hook).status).toBe(200);
      expect((await local.admin(get('/poststart'))).status).toBe(503);
    });
  });
});

describe('/status', () => {
  it('tells what status() tells', async () => {
    await withLifecycle({ ...ADMIN, registry: localRegistry() }, async (local) => {
      const { open } = await local.serve((_request, response) => void setTimeout(() => response.end(), 200));
      await local.lifecycle.start();
      const socket = await open();
      socket.write(get('/'));
      await until(() => local.lifecycle.status().inFlight === 1, 'a request is in flight');
      const { body } = await local.admin(get('/status'));
      expect(JSON.parse(body)).toEqual({
        phase: 'ready',
        ready: true,
        live: true,
        inFlight: 1,
        answered: 0,
        late: 0,
        held: 0,
        connections: { active: 1 },
        registries: { local: 'registered' },
        remainingMs: null,
      });
      await socket.readResponse();
      await until(() => local.lifecycle.status().inFlight === 0, 'nothing is in flight');
      expect(local.lifecycle.status()).toMatchObject({ answered: 1, connections: { idle: 1 } });
      await socket.close();
    });
  });
});
