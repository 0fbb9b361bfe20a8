import { describe, expect, it } from 'vitest';
import { DRILL_DEFAULTS } from '../../src/drill/command-options.ts';
import { portSlots } from '../../src/drill/option-values.ts';
import type { PortSlot } from '../../src/drill/settings.ts';

const ADMIN = { settings: ['ADMIN_PORT'], declared: 9090 };
const MANIFEST = [
  { settings: ['PORT'], declared: 8080 },
  { settings: ['LISTEN_ADMIN'], declared: 9090 },
];
const slots = (given: readonly PortSlot[], manifest: readonly PortSlot[] = []) =>
  portSlots(given, manifest, DRILL_DEFAULTS.ports);

describe('the ports of a pod', () => {
  it('are those of a setting and of the admin server, wherever that listens', () => {
    expect(slots([])).toEqual([{ settings: ['PORT'] }, ADMIN]);
  });

  it('are what is given, and the others of the usual ones', () => {
    expect(slots([{ settings: [], declared: 3000 }])).toEqual([{ settings: [], declared: 3000 }, ADMIN]);
    expect(slots([{ settings: [], declared: 9090 }])).toEqual([{ settings: [], declared: 9090 }]);
    expect(slots([{ settings: ['HTTP'] }, { settings: ['ADMIN_PORT'] }])).toEqual([
      { settings: ['HTTP'] },
      { settings: ['ADMIN_PORT'] },
    ]);
  });

  it('are those of a manifest, which keep their places', () => {
    expect(slots([], MANIFEST)).toEqual(MANIFEST);
    expect(slots([{ settings: ['HTTP'], declared: 8080 }], MANIFEST)).toEqual([
      { settings: ['HTTP'], declared: 8080 },
      MANIFEST[1],
    ]);
    expect(slots([], MANIFEST.slice(0, 1))).toEqual([MANIFEST[0], ADMIN]);
  });

  it('are not the same twice', () => {
    expect(() => slots([{ settings: [], declared: 9090 }], MANIFEST)).toThrow(
      '--port 9090 is another port of the manifest',
    );
  });
});
