import { RegistryError } from '@prestop/core';
import { describe, expect, it } from 'vitest';
import { Failures } from '../src/nacos/failures.ts';
import { type ServerView, toSighting } from '../src/nacos/sighting.ts';

const failures = new Failures('nacos', (text) => text);
const down = new RegistryError('nacos', 'unavailable', 'connect ECONNREFUSED');
const slow = new RegistryError('nacos', 'timeout', 'no answer');
const broken = new RegistryError('nacos', 'unavailable', 'answered 500', { status: 500 });
const refused = new RegistryError('nacos', 'auth', 'answered 403', { status: 403 });
const L = 'listed';
const N = 'not-listed';

function sighting(views: readonly ServerView[], everSeen = true): string {
  try {
    return toSighting(views, everSeen, failures);
  } catch (error) {
    return `error: ${(error as RegistryError).kind}`;
  }
}

describe('what the servers of a list say together', () => {
  it.each<[readonly ServerView[], string]>([
    [[L], 'visible'],
    [[N], 'gone'],
    [[N, N, N], 'gone'],
    [[N, L, N], 'visible'],
    [[refused, down, L], 'visible'],
    [[N, N, down], 'gone'],
    [[N, slow, N], 'gone'],
    [[N, down, down], 'error: unavailable'],
    [[N, slow], 'error: timeout'],
    [[N, N, broken], 'error: unavailable'],
    [[N, N, refused], 'error: auth'],
    [[down], 'error: unavailable'],
    [[slow], 'error: timeout'],
    [[refused], 'error: auth'],
  ])('%#', (views, expected) => {
    expect(sighting(views)).toBe(expected);
  });

  it('proves nothing when the instance was never in the list', () => {
    expect(sighting([N, N, N], false)).toBe('unknown');
  });
});
