import { describe, expect, it } from 'vitest';
import { loadClientClass } from '../src/consul/client-package.ts';

function missing(id: string): Error {
  return Object.assign(new Error(`Cannot find module '${id}'`), { code: 'MODULE_NOT_FOUND' });
}

function failure(load: (id: string) => unknown): unknown {
  try {
    loadClientClass('consul', load);
  } catch (error) {
    return error;
  }
  throw new Error('it was expected to throw');
}

describe('the npm package consul', () => {
  it('is the class of version 2 that is installed', () => {
    expect(loadClientClass('consul')).toBeTypeOf('function');
  });

  it.each<[string, (id: string) => unknown, string]>([
    [
      'is not installed',
      (id) => {
        throw missing(id);
      },
      'is not installed: npm install consul@2',
    ],
    ['is of version 1', () => ({ version: '1.2.0' }), '1.2.0 is installed: npm install consul@2'],
    ['is of version 3', () => ({ version: '3.0.0' }), '3.0.0 is installed'],
    [
      'is broken',
      (id) => {
        if (id.endsWith('.json')) return { version: '2.0.1' };
        throw new SyntaxError('Unexpected token');
      },
      'cannot be loaded (Unexpected token)',
    ],
  ])('%s: an error that says what to do', (_what, load, words) => {
    const error = failure(load);
    expect(error).toMatchObject({ code: 'ERR_PRESTOP_REGISTRY', kind: 'unsupported', registry: 'consul' });
    expect(String(error)).toContain(words);
  });
});
