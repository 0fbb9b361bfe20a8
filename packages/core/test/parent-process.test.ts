import { describe, expect, test } from 'vitest';
import { parentWarnings, readParent } from '../src/parent-process.ts';

const codes = (facts: Parameters<typeof parentWarnings>[0]): string[] => parentWarnings(facts).map(({ code }) => code);

describe('parentWarnings', () => {
  test('a package manager between the kubelet and the service', () => {
    const [warning, ...others] = parentWarnings({ ppid: 1, parentName: 'npm start', script: 'start' });
    expect(others).toEqual([]);
    expect(warning).toMatchObject({ code: 'PACKAGE_MANAGER', message: expect.stringContaining('(script "start")') });
    expect(warning?.message).toContain('CMD ["node", "server.js"]');
  });

  test.each(['sh', 'ash', 'dash', 'bash', 'zsh', 'busybox'])('%s as PID 1', (parentName) => {
    expect(codes({ ppid: 1, parentName, script: undefined })).toEqual(['SHELL_IS_PID_1']);
  });

  test.each([
    { ppid: 0, parentName: undefined, script: undefined },
    { ppid: 1, parentName: undefined, script: undefined },
    { ppid: 1, parentName: 'tini', script: undefined },
    { ppid: 1, parentName: 'containerd-shim', script: undefined },
    { ppid: 4_711, parentName: 'bash', script: undefined },
    { ppid: 1, parentName: 'bashful', script: undefined },
  ])('no warning for $ppid, $parentName', (facts) => {
    expect(codes(facts)).toEqual([]);
  });
});

describe('readParent', () => {
  test('takes the script from the environment that it is given, and the parent from the system', () => {
    expect(readParent({ npm_lifecycle_event: 'start:prod' })).toMatchObject({
      ppid: process.ppid,
      script: 'start:prod',
    });
    expect(readParent({}).script).toBeUndefined();
  });
});
