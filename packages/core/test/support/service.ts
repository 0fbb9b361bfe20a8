import { FakeClock } from './fake-clock.ts';
import { FakeRegistry, type FakeRegistryScript } from './fake-registry.ts';
import { Harness, type HarnessOptions } from './harness.ts';

/** A ready service with a registry; `t0` is now. */
export async function service(script: FakeRegistryScript = {}, options: HarnessOptions = {}) {
  const clock = new FakeClock();
  const registry = new FakeRegistry(clock, script);
  const harness = await new Harness({ clock, registry, ...options }).ready();
  return { clock, registry, harness, lifecycle: harness.lifecycle, server: harness.server, t0: clock.now() };
}
