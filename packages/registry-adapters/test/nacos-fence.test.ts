import { type NacosOptions, nacos } from '@prestop/registry-adapters/nacos';
import { afterEach, describe, expect, it } from 'vitest';
import { type Answering, type Fixture, gate, startFixture } from './nacos/fixture.ts';
import { serverV1, V1 } from './nacos/server-v1.ts';
import { serverV3, V3 } from './nacos/server-v3.ts';
import { call } from './nacos/support.ts';

const cleanUp: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const clean of cleanUp.splice(0).reverse()) await clean();
});

async function start(
  answer: Answering,
  options: Partial<NacosOptions> = {},
  pace: 'fastest' | 'interval of the server' = 'fastest',
) {
  const fixture = await startFixture(answer);
  const adapter = nacos({
    serverList: fixture.addr,
    name: 'orders',
    ip: '10.1.2.3',
    port: 3000,
    ...(pace === 'fastest' && { heartbeatMs: 50 }),
    ...options,
  });
  cleanUp.push(
    () => fixture.close(),
    () => adapter.close(),
  );
  return { fixture, adapter };
}

/** `server`, with the answer to every heartbeat held back until `release`. */
function holdingBeats(server: Answering, isBeat: (what: string, form: Readonly<Record<string, string>>) => boolean) {
  const { opened, open } = gate();
  const answer: Answering = async (seen) => {
    if (isBeat(`${seen.method} ${seen.path}`, seen.form)) await opened;
    return server(seen);
  };
  return { answer, release: open };
}

const isBeatV1 = (what: string): boolean => what === V1.beat;
const isBeatV3 = (what: string, form: Readonly<Record<string, string>>): boolean =>
  what === V3.announce && form['heartBeat'] === 'true';

function order({ seen }: Fixture, ...kinds: readonly string[]): readonly string[] {
  return seen.map(({ method, path }) => `${method} ${path}`).filter((what) => kinds.includes(what));
}

describe.each([
  ['v1', () => holdingBeats(serverV1(), isBeatV1), V1.deregister, V1.beat],
  ['v3', () => holdingBeats(serverV3(), isBeatV3), V3.deregister, V3.announce],
] as const)('the fence, %s', (_, make, removal, beat) => {
  it('sends one removal when no heartbeat is on the wire, and no heartbeat after it', async () => {
    const { answer, release } = make();
    release();
    const { fixture, adapter } = await start(answer);
    await adapter.register(call());
    await fixture.asked(beat, 3);
    expect(await adapter.deregister(call())).toBe('removed');
    const after = order(fixture, beat, removal);
    expect(after.filter((what) => what === removal).length).toBeLessThanOrEqual(2);
    expect(after.at(-1)).toBe(removal);
  });

  it('does not wait for the heartbeat on the wire with its first removal, and sends another one after it', async () => {
    const { answer, release } = make();
    const { fixture, adapter } = await start(answer);
    await adapter.register(call());
    await fixture.asked(beat, beat === V3.announce ? 2 : 1);
    const deregistered = adapter.deregister(call());
    await fixture.asked(removal);
    let done = false;
    void deregistered.then(() => {
      done = true;
    });
    // The first removal is answered long before this read of the list.
    await adapter.check(call());
    expect(done).toBe(false);
    release();
    expect(await deregistered).toBe('removed');
    expect(fixture.of(removal)).toHaveLength(2);
    expect(await adapter.check(call())).toBe('gone');
  });

  it('cuts the heartbeat off when the time of the call is up', async () => {
    const { answer, release } = make();
    const { fixture, adapter } = await start(answer, { requestTimeoutMs: 60_000 });
    await adapter.register(call());
    await fixture.asked(beat, beat === V3.announce ? 2 : 1);
    const controller = new AbortController();
    const deregistered = adapter.deregister({ signal: controller.signal });
    await fixture.asked(removal);
    controller.abort();
    await expect(deregistered).rejects.toMatchObject({ kind: 'timeout' });
    release();
  });

  it('does not bring back an instance that the server does not know when the fence is shut', async () => {
    const { opened, open } = gate();
    let beats = 0;
    const server = beat === V1.beat ? serverV1() : serverV3();
    const { fixture, adapter } = await start(async (seen) => {
      const isBeat = beat === V1.beat ? isBeatV1(`${seen.method} ${seen.path}`) : seen.form['heartBeat'] === 'true';
      if (!isBeat) return server(seen);
      beats += 1;
      await opened;
      return {
        body: beat === V1.beat ? { code: 20_404, clientBeatInterval: 5_000 } : { code: 21_003, message: 'not found' },
      };
    });
    await adapter.register(call());
    await fixture.asked(beat, beat === V3.announce ? 2 : 1);
    const deregistered = adapter.deregister(call());
    await fixture.asked(removal);
    open();
    await deregistered;
    expect(beats).toBe(1);
    const registrations = fixture.seen.filter(({ method, form }) => method === 'POST' && form['heartBeat'] !== 'true');
    expect(registrations).toHaveLength(1);
    expect(await adapter.check(call())).toBe('gone');
  });
});

describe('heartbeats', () => {
  it('register again what the server has lost', async () => {
    const server = serverV1();
    const { fixture, adapter } = await start(server);
    await adapter.register(call());
    await fetch(
      `${fixture.addr}/nacos/v1/ns/instance?${new URLSearchParams(fixture.of(V1.register)[0]?.query).toString()}`,
      {
        method: 'DELETE',
      },
    );
    expect(await adapter.check(call())).toBe('gone');
    await fixture.asked(V1.register, 2);
    await adapter.deregister(call());
  });

  it('never carry what would make the instance again', async () => {
    const { fixture, adapter } = await start(serverV1());
    await adapter.register(call());
    const beat = await fixture.asked(V1.beat, 2);
    expect(beat.query).toEqual({
      namespaceId: 'public',
      serviceName: 'DEFAULT_GROUP@@orders',
      clusterName: 'DEFAULT',
      ip: '10.1.2.3',
      port: '3000',
    });
  });

  it('are not sent for a persistent instance', async () => {
    const { fixture, adapter } = await start(serverV1(), { ephemeral: false });
    await adapter.register(call());
    expect(fixture.of(V1.register)[0]?.query['ephemeral']).toBe('false');
    await adapter.deregister(call());
    expect(fixture.of(V1.deregister)[0]?.query['ephemeral']).toBe('false');
    expect(fixture.of(V1.beat)).toHaveLength(0);
  });

  it('go on after a failure, and every failure is told', async () => {
    const server = serverV1();
    const errors: string[] = [];
    const twice = gate();
    const { fixture, adapter } = await start(
      (seen) => (isBeatV1(`${seen.method} ${seen.path}`) && errors.length < 2 ? { status: 500 } : server(seen)),
      {
        onHeartbeatError: (error) => {
          errors.push(error.message);
          if (errors.length === 2) twice.open();
        },
      },
    );
    await adapter.register(call());
    await twice.opened;
    await fixture.asked(V1.beat, 4);
    expect(errors).toHaveLength(2);
    expect(errors[0]).toContain(`heartbeat at ${fixture.addr}: answered 500`);
    await adapter.deregister(call());
  });

  it('warn once in a row of failures when nobody listens', async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on('warning', onWarning);
    cleanUp.push(async () => process.off('warning', onWarning));
    const server = serverV1();
    const { fixture, adapter } = await start((seen) =>
      isBeatV1(`${seen.method} ${seen.path}`) ? { status: 503, body: 'down' } : server(seen),
    );
    await adapter.register(call());
    await fixture.asked(V1.beat, 3);
    await adapter.deregister(call());
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatchObject({ name: 'PrestopWarning', code: 'PRESTOP_HEARTBEAT' });
  });

  it('keep the interval that the server asks for', async () => {
    const beats: number[] = [];
    const server = serverV1();
    const { fixture, adapter } = await start(
      (seen) => {
        if (!isBeatV1(`${seen.method} ${seen.path}`)) return server(seen);
        beats.push(performance.now());
        return { body: { code: 10_200, clientBeatInterval: 60 } };
      },
      { metadata: { 'preserved.heart.beat.interval': '50' } },
      'interval of the server',
    );
    await adapter.register(call());
    await fixture.asked(V1.beat, 3);
    expect((beats[2] ?? 0) - (beats[1] ?? 0)).toBeGreaterThanOrEqual(55);
    await adapter.deregister(call());
  });
});
