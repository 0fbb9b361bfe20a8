import { describe, expect, it } from 'vitest';
import { endsWithExec, isSimpleCommand, packageManagerOf, scriptOf, sleepOf, withoutInit } from '../src/lint/shell.ts';

describe('sleepOf', () => {
  it.each([
    [['sleep', '10'], 10, true],
    [['/bin/sleep', '1.5'], 1.5, true],
    [['sh', '-c', 'sleep 10s'], 10, true],
    [['/bin/bash', '-ec', 'sleep 5; nginx -s quit; sleep 1m'], 65, true],
    [['sh', '-c', 'echo bye && /usr/bin/sleep 3 && kill 1'], 3, true],
    [['sh', '-c', 'test -f x || sleep 4'], 4, false],
    [['sh', '-c', 'for i in 1 2 3; do sleep 2; done'], 2, false],
    [['sh', '-c', 'if [ -f x ]; then sleep 2; fi'], 2, false],
    [['busybox', 'sh', '-c', 'sleep 7'], 7, true],
  ])('%j sleeps %d s, certainly: %s', (argv, seconds, certain) => {
    expect(sleepOf(argv)).toEqual({ seconds, certain });
  });

  it.each([
    [['sh', '-c', 'sleep $N']],
    [['sh', '-c', 'sleep 10 & wait']],
    [['sh', '-c', 'oversleep 10']],
    [['echo', 'sleep', '10']],
    [['sleep', 'infinity']],
    [[]],
  ])('%j cannot be counted', (argv) => {
    expect(sleepOf(argv)).toBeUndefined();
  });
});

describe('what the main process is', () => {
  it.each([
    [['npm', 'start'], 'npm'],
    [['/usr/local/bin/yarn', 'start'], 'yarn'],
    [['tini', '-g', '--', 'npm', 'start'], 'npm'],
    [['dumb-init', 'npx', 'serve'], 'npx'],
    [['sh', '-c', 'cd /app; npm run start'], 'npm'],
    [['sh', '-c', 'exec pnpm start'], 'pnpm'],
    [['sh', '-c', 'npm run migrate && exec node server.js'], undefined],
    [['node', 'npm.js'], undefined],
    [[], undefined],
  ])('%j: %s', (argv, manager) => {
    expect(packageManagerOf(argv)).toBe(manager);
  });

  it('an init is looked through', () => {
    expect(withoutInit(['/sbin/tini', '--', 'node', 'x'])).toEqual(['node', 'x']);
    expect(withoutInit(['tini', '-v', 'node', 'x'])).toEqual(['node', 'x']);
    expect(withoutInit(['tini'])).toEqual([]);
    expect(withoutInit(['node', 'x'])).toEqual(['node', 'x']);
  });

  it('a script is what stands behind -c', () => {
    expect(scriptOf(['sh', '-ec', 'node x'])).toEqual({ script: 'node x', index: 2 });
    expect(scriptOf(['sh', 'run.sh'])).toBeUndefined();
    expect(scriptOf(['node', '-c', 'x'])).toBeUndefined();
  });

  it('a simple command can take the place of its shell', () => {
    for (const simple of ['node server.js', ' node --max-old-space-size=256 dist/server.js '])
      expect(isSimpleCommand(simple)).toBe(true);
    for (const other of [
      '',
      'a; b',
      'a && b',
      'a | b',
      'a > f',
      'a\nb',
      'PORT=1 node x',
      'cd /app',
      '(a)',
      'echo `a`',
    ]) {
      expect(isSimpleCommand(other), other).toBe(false);
    }
  });

  it('exec counts where it is the last command', () => {
    expect(endsWithExec('a && exec node x')).toBe(true);
    expect(endsWithExec('a\nexec node \\\n  x')).toBe(true);
    expect(endsWithExec('exec > log; node x')).toBe(false);
    expect(endsWithExec('execute')).toBe(false);
  });
});
