import { describe, expect, it } from 'vitest';
import { scheduleDigest, scheduleOf } from '../../src/drill/schedule.ts';
import type { LoadSetting } from '../../src/drill/settings.ts';

const load: LoadSetting = {
  requests: [
    { method: 'GET', path: '/fast', headers: {}, weight: 8, origin: 'asked' },
    { method: 'POST', path: '/orders', headers: {}, body: '{}', weight: 1, origin: 'asked' },
  ],
  headers: {},
  callers: 10,
  thinkMs: 20,
  clients: ['node', 'undici'],
  timeoutMs: 1000,
  lag: { shape: 'uniform', fromMs: 0, toMs: 1000 },
  warmUpMs: 0,
};

describe('the schedule', () => {
  it('is the same for the same seed', () => {
    expect(scheduleOf(load, 7, 3, 30)).toEqual(scheduleOf(load, 7, 3, 30));
    expect(scheduleDigest(load, 7)).toBe(scheduleDigest(load, 7));
    expect(scheduleDigest(load, 7)).toMatch(/^[0-9a-f]{16}$/);
  });

  it.each<[string, Partial<LoadSetting>, number]>([
    ['another seed', {}, 8],
    ['another path', { requests: load.requests.map((request) => ({ ...request, path: '/other' })) }, 7],
    ['another body', { requests: load.requests.map((request) => ({ ...request, body: '[]' })) }, 7],
    ['another weight', { requests: load.requests.map((request) => ({ ...request, weight: 1 })) }, 7],
    ['another pause', { thinkMs: 21 }, 7],
    ['other lags', { lag: { shape: 'fixed', ms: 1000 } }, 7],
    ['other clients', { clients: ['node'] }, 7],
    ['more callers', { callers: 11 }, 7],
  ])('is another one for %s', (_, more, seed) => {
    expect(scheduleDigest({ ...load, ...more }, seed)).not.toBe(scheduleDigest(load, 7));
  });

  it('does not depend on what must stay secret', () => {
    expect(scheduleDigest({ ...load, headers: { authorization: 'Bearer x' } }, 7)).toBe(scheduleDigest(load, 7));
  });
});
