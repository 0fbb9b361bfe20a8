import { mkdtempSync, rmSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLifecycle, type RegistryAdapter } from '@prestop/core';
import { file } from '@prestop/registry-adapters/file';
import { expect, it } from 'vitest';
import { eventually, pause, stays } from './eventually.ts';

/** When the removal that was asked for first is really done. */
const LATE_MS = 4_500;

/** A client that is stuck on its first removal and does not look at its signal. */
function stuckAtFirst(inner: RegistryAdapter): RegistryAdapter {
  let calls = 0;
  return {
    name: inner.name,
    settleMs: 0,
    register: (options) => inner.register(options),
    async deregister() {
      calls += 1;
      if (calls === 1) await pause(LATE_MS);
      return inner.deregister({ signal: new AbortController().signal });
    },
    check: (options) => inner.check(options),
    close: () => inner.close(),
  };
}

it('a removal that is done after the service has registered again is mended', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'prestop-late-'));
  const lifecycle = createLifecycle({
    registry: stuckAtFirst(file({ dir, name: 'orders', host: '127.0.0.1', port: 3_000 })),
    terminationGracePeriodSeconds: 3,
    quiet: { minMs: 50, maxMs: 50 },
    resumeAfterMs: 200,
    admin: false,
    signals: [],
    logger: false,
    terminationMessagePath: false,
  });
  const registered: number[] = [];
  lifecycle.on('registered', () => registered.push(performance.now()));
  const entries = async (): Promise<number> => (await readdir(dir)).length;
  try {
    await lifecycle.start();
    const asked = performance.now();
    await lifecycle.terminate({ kind: 'prestop' });
    // Not before it has been waited for, and not for ever.
    await eventually(async () => registered.length, 2, LATE_MS);
    expect(registered[1]).toBeLessThan(asked + LATE_MS);
    expect(await entries()).toBe(1);
    await eventually(async () => registered.length, 3, LATE_MS);
    expect(registered[2]).toBeGreaterThan(asked + LATE_MS - 100);
    await stays(entries, 1, 300);
    expect(lifecycle.status()).toMatchObject({ ready: true, registries: { file: 'registered' } });
  } finally {
    await lifecycle.stop();
    rmSync(dir, { recursive: true });
  }
}, 30_000);
