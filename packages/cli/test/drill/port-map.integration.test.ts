import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { portEnvironment } from '../../src/drill/port-map.ts';

describe('the ports of a pod', () => {
  it('are told by settings', () => {
    const slots = [{ settings: ['PORT', 'HTTP_PORT'] }, { settings: ['ADMIN_PORT'] }];
    expect(portEnvironment(slots, [4001, 4002], undefined)).toEqual({
      PORT: '4001',
      HTTP_PORT: '4001',
      ADMIN_PORT: '4002',
    });
  });

  it('take the place of fixed ones, beside the options that node has already', () => {
    const env = portEnvironment([{ settings: [], declared: 3000 }], [4001], '--no-warnings');
    expect(env['NODE_OPTIONS']).toMatch(/^--no-warnings --import=data:text\/javascript,\S+$/);
    expect(JSON.parse(env['PRESTOP_DRILL_PORTS'] ?? '')).toEqual([[3000, 4001]]);
  });

  it.each([
    ['server.listen(3000)'],
    ['server.listen("3000", "127.0.0.1")'],
    ['server.listen({ port: 3000, host: "127.0.0.1" })'],
    ['server.listen({ port: "3000" })'],
  ])('%s listens on the free one', (listen) => {
    const env = portEnvironment([{ settings: [], declared: 3000 }], [0], undefined);
    const script = `const server = require('node:http').createServer(); ${listen}; server.once('listening', () => { console.log(server.address().port); server.close(); });`;
    const { stdout, stderr } = spawnSync(process.execPath, ['-e', script], {
      env: { ...process.env, ...env },
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    expect(Number(stdout)).toBeGreaterThan(0);
    expect(Number(stdout)).not.toBe(3000);
  });

  it('leaves other ports alone', () => {
    const env = portEnvironment([{ settings: [], declared: 3000 }], [1], undefined);
    const script = `const server = require('node:net').createServer(); server.listen(0, () => { console.log('ok'); server.close(); });`;
    const { stdout } = spawnSync(process.execPath, ['-e', script], {
      env: { ...process.env, ...env },
      encoding: 'utf8',
    });
    expect(stdout).toBe('ok\n');
  });
});
