import { plannedRequests } from '@prestop/testkit';
import { describe, expect, it } from 'vitest';

const requests = [{ path: '/often', weight: 3 }, { path: '/rarely' }];
const plan = (caller: number, seed: number) => plannedRequests(caller, 200, { requests, thinkMs: 10, seed });

describe('plannedRequests', () => {
  it('is decided by the seed and the number of the caller', () => {
    expect(plan(3, 7)).toEqual(plan(3, 7));
    expect(plan(3, 7)).not.toEqual(plan(3, 8));
    expect(plan(3, 7)).not.toEqual(plan(4, 7));
  });

  it('keeps to the weights and to the pause', () => {
    const planned = plan(0, 1);
    const often = planned.filter(({ request }) => request.path === '/often').length;
    expect(often).toBeGreaterThan(130);
    expect(often).toBeLessThan(170);
    const pauses = planned.slice(1).map(({ pauseMs }) => pauseMs);
    expect(Math.min(...pauses)).toBeGreaterThanOrEqual(5);
    expect(Math.max(...pauses)).toBeLessThan(15);
    expect(planned[0]?.pauseMs).toBeLessThan(10);
  });

  it('numbers the requests that are made anew', () => {
    const made = [
      { make: ({ number, caller }: { number: number; caller: number }) => ({ path: `/${caller}/${number}` }) },
    ];
    const planned = plannedRequests(2, 3, { requests: made, thinkMs: 0, seed: 1 });
    expect(planned.map(({ request }) => request.path)).toEqual(['/2/0', '/2/1', '/2/2']);
  });
});
