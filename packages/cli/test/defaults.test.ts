import { DEFAULTS, ENDPOINTS, TOKEN_HEADER } from '@prestop/core';
import { consulSettleMs } from '@prestop/registry-adapters/consul';
import { file } from '@prestop/registry-adapters/file';
import { nacos } from '@prestop/registry-adapters/nacos';
import { describe, expect, it } from 'vitest';
import { leastGrace } from '../src/defaults.ts';
import { defaultReserve, SDK_DEFAULTS } from '../src/index.ts';

describe('the defaults of the command', () => {
  it('are those of the SDK', () => {
    expect(SDK_DEFAULTS.adminPort).toBe(DEFAULTS.admin.port);
    expect(SDK_DEFAULTS.terminationGracePeriodSeconds).toBe(DEFAULTS.terminationGracePeriodSeconds);
    expect(SDK_DEFAULTS.reserveSeconds * 1000).toBe(DEFAULTS.reserveMs);
    expect(SDK_DEFAULTS.drainShare).toBe(DEFAULTS.drainShare);
    expect(SDK_DEFAULTS.reserveShare).toBe(DEFAULTS.reserveShare);
    expect(SDK_DEFAULTS.floorSeconds * 1000).toBe(DEFAULTS.endpointsSettleMs);
    expect(SDK_DEFAULTS.signals).toEqual(DEFAULTS.signals);
    expect(SDK_DEFAULTS.tokenHeader).toBe(TOKEN_HEADER);
    for (const path of Object.values(SDK_DEFAULTS.paths)) expect(ENDPOINTS).toContain(path);
  });

  it('are those of the adapters', () => {
    const instance = { name: 'orders', port: 3000 } as const;
    expect(SDK_DEFAULTS.registryFloorSeconds).toEqual({
      consul: consulSettleMs.blockingQuery / 1000,
      nacos: nacos({ ...instance, serverList: 'localhost:8848' }).settleMs / 1000,
      file: file({ ...instance, dir: 'registry' }).settleMs / 1000,
      none: 0,
    });
  });

  it('leastGrace is the least that holds the rest and its reserve', () => {
    for (let rest = 1; rest < 60; rest += 0.5) {
      const grace = leastGrace(rest);
      expect(rest + defaultReserve(grace)).toBeLessThanOrEqual(grace + 1e-9);
      expect(rest + defaultReserve(grace - 1)).toBeGreaterThan(grace - 1);
    }
  });
});
