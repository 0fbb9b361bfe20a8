import { describe, expect, test } from 'vitest';
import {
  isLifecycleError,
  isRegistryError,
  LIFECYCLE_ERROR_CODES,
  LifecycleError,
  messageOf,
  REGISTRY_ERROR_BODY_LIMIT,
  REGISTRY_ERROR_KINDS,
  RegistryError,
} from '../src/errors.ts';

describe('LifecycleError', () => {
  test('carries what was wrong, which rule it broke and what was given', () => {
    const cause = new Error('EADDRINUSE');
    const details = { option: 'admin.port', rule: 'a free port', value: '9090', cause };
    const error = new LifecycleError('ERR_PRESTOP_ADMIN_LISTEN', 'the port is taken', details);
    expect(error).toMatchObject({ name: 'LifecycleError', code: 'ERR_PRESTOP_ADMIN_LISTEN', ...details });
    expect(error).toBeInstanceOf(Error);
  });

  test('has a cause only where there is one', () => {
    expect('cause' in new LifecycleError('ERR_PRESTOP_PHASE', 'no')).toBe(false);
  });

  test('is known by its brand, also where a second copy of the package made it', async () => {
    const foreign = Object.defineProperty(new Error('from the other copy'), Symbol.for('prestop.LifecycleError'), {
      value: true,
    });
    expect([new LifecycleError('ERR_PRESTOP_PHASE', 'no'), foreign].map(isLifecycleError)).toEqual([true, true]);
    expect([new Error('no'), { code: 'ERR_PRESTOP_PHASE' }, null, 'no'].map(isLifecycleError)).toEqual(
      Array(4).fill(false),
    );
  });

  test('the codes are distinct, and of one pattern', () => {
    expect(new Set(LIFECYCLE_ERROR_CODES).size).toBe(LIFECYCLE_ERROR_CODES.length);
    for (const code of LIFECYCLE_ERROR_CODES) expect(code).toMatch(/^ERR_PRESTOP_[A-Z_]+$/);
  });
});

describe('RegistryError', () => {
  test('names the registry in its message and keeps status, body and cause', () => {
    const cause = new Error('socket hang up');
    const error = new RegistryError('consul', 'unavailable', 'no leader', {
      status: 500,
      body: 'No cluster leader',
      cause,
    });
    expect(error).toMatchObject({
      message: 'consul: no leader',
      code: 'ERR_PRESTOP_REGISTRY',
      registry: 'consul',
      kind: 'unavailable',
      status: 500,
      body: 'No cluster leader',
      cause,
    });
  });

  test('keeps only the beginning of a long body', () => {
    const { body } = new RegistryError('consul', 'invalid', 'a page', { body: '<html>'.repeat(1_000) });
    expect(body).toHaveLength(REGISTRY_ERROR_BODY_LIMIT);
  });

  test.each(REGISTRY_ERROR_KINDS)('%s: whether the same call may succeed later follows from the kind', (kind) => {
    const passing = ['throttled', 'unavailable', 'timeout'];
    expect(new RegistryError('x', kind, 'no').retryable).toBe(passing.includes(kind));
  });

  test('is known by its brand', () => {
    expect(isRegistryError(new RegistryError('x', 'auth', 'no'))).toBe(true);
    expect([new LifecycleError('ERR_PRESTOP_PHASE', 'no'), new Error('no'), undefined].map(isRegistryError)).toEqual(
      Array(3).fill(false),
    );
  });
});

describe('messageOf', () => {
  test.each([
    [new Error('plain'), 'plain'],
    ['a string', 'a string'],
    [42, '42'],
    [undefined, 'undefined'],
    [Symbol('odd'), 'Symbol(odd)'],
    [Object.create(null), 'something of type object that cannot be printed'],
  ])('of what was thrown (%#)', (thrown, message) => {
    expect(messageOf(thrown)).toBe(message);
  });
});
