import { RegistryError } from '@prestop/core';
import { describe, expect, it } from 'vitest';
import { wrongAbsence } from '../src/consul/absence.ts';
import { type CallDescription, isUnknownCheck, isUnknownService, toRegistryError } from '../src/consul/errors.ts';
import { Secrets } from '../src/consul/secrets.ts';

const DESCRIPTION: CallDescription = {
  registry: 'consul',
  call: 'deregister "orders-1"',
  address: 'http://10.0.0.1:8500',
  timeoutMs: 1_500,
  rights: 'service:write for "orders"',
  redact: (text) => text.replaceAll('s3cret', '[redacted]'),
};

function response(statusCode: number, body: unknown): object {
  return Object.assign(new Error('x'), { isPapi: true, isResponse: true, response: { statusCode, body } });
}

describe("an answer of Consul's", () => {
  it.each([
    [400, 'Missing service name', 'invalid', 'Missing service name'],
    [401, 'ACL support disabled', 'auth', 'service:write for "orders"'],
    [403, 'Permission denied', 'auth', 'service:write for "orders"'],
    [404, 'nothing here', 'invalid', 'is option "url" the address of a Consul agent?'],
    [301, '', 'invalid', 'Moved Permanently'],
    [405, 'method GET not allowed', 'unsupported', 'method GET not allowed'],
    [408, '', 'timeout', 'Request Timeout'],
    [429, 'rate limit exceeded', 'throttled', 'http_max_conns_per_client'],
    [500, 'No cluster leader', 'unavailable', 'No cluster leader'],
    [500, 'rpc error making call: EOF', 'unavailable', 'rpc error'],
    [501, '', 'unsupported', 'Not Implemented'],
    [502, Buffer.from('bad gateway'), 'unavailable', 'bad gateway'],
    [503, { errors: ['busy'] }, 'unavailable', 'busy'],
  ] as const)('%i %s is of kind %s', (status, body, kind, words) => {
    const error = toRegistryError(response(status, body), DESCRIPTION);
    expect(error).toBeInstanceOf(RegistryError);
    expect(error).toMatchObject({ kind, status, registry: 'consul' });
    expect(error.message).toContain(`consul: deregister "orders-1" at http://10.0.0.1:8500: answered ${status}, `);
    expect(error.message).toContain(words);
  });

  it('is quoted in one line and without secrets', () => {
    const error = toRegistryError(response(500, `s3cret ${'x'.repeat(1_000)}\nsecond line`), DESCRIPTION);
    expect(error.message).not.toContain('\n');
    expect(error.message.length).toBeLessThan(400);
    expect(`${error.message}${error.body}`).not.toContain('s3cret');
  });
});

describe('a failure on the way', () => {
  it.each([
    ['ECONNREFUSED', 'connect ECONNREFUSED 10.0.0.1:8500', 'unavailable', 'is the agent running'],
    ['ECONNREFUSED', '', 'unavailable', 'ECONNREFUSED'],
    ['ECONNRESET', 'socket hang up', 'unavailable', 'ECONNRESET: socket hang up'],
    ['ENOTFOUND', 'getaddrinfo ENOTFOUND consul', 'unavailable', 'ENOTFOUND'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'self-signed certificate', 'invalid', 'not trusted'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'Hostname/IP does not match', 'invalid', 'not trusted'],
    ['EPROTO', 'write EPROTO: wrong version number', 'invalid', 'use http://'],
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'alert certificate required', 'invalid', 'cert, key'],
    ['HPE_INVALID_CONSTANT', 'Parse Error: Expected HTTP/', 'invalid', 'does not speak HTTP'],
  ] as const)('%s (%s) is of kind %s', (code, message, kind, words) => {
    const error = toRegistryError(Object.assign(new Error(message), { code }), DESCRIPTION);
    expect(error.kind).toBe(kind);
    expect(error.message).toContain('at http://10.0.0.1:8500');
    expect(error.message).toContain(words);
    expect(error.cause).toMatchObject({ code });
  });

  it('is a timeout when nobody answered', () => {
    const error = toRegistryError(Object.assign(new Error('x'), { isTimeout: true }), DESCRIPTION);
    expect(error).toMatchObject({ kind: 'timeout', retryable: true });
    expect(error.message).toContain('no answer within 1500 ms');
  });

  it('is none that time can mend when the client refuses, or throws something odd', () => {
    expect(toRegistryError(new Error('consul: id required'), DESCRIPTION).kind).toBe('invalid');
    expect(toRegistryError('odd', DESCRIPTION).message).toContain('odd');
    expect(toRegistryError(undefined, DESCRIPTION)).toBeInstanceOf(RegistryError);
  });
});

describe('not held by this agent', () => {
  const error = (status: number, body: string) => toRegistryError(response(status, body), DESCRIPTION);

  it('is 404, and 500 in old versions, with the words for it', () => {
    expect(isUnknownService(error(404, 'Unknown service ID "a". Ensure that …'))).toBe(true);
    expect(isUnknownService(error(500, 'Unknown service {"a" {}}'))).toBe(true);
    expect(isUnknownService(error(404, 'no such page'))).toBe(false);
    expect(isUnknownService(error(500, 'No cluster leader'))).toBe(false);
    expect(isUnknownService(new Error('Unknown service'))).toBe(false);
  });

  it('is said of a check in the same way', () => {
    expect(isUnknownCheck(error(404, 'Unknown check ID "service:a". Ensure that …'))).toBe(true);
    expect(isUnknownCheck(error(500, 'CheckID "service:a" does not have associated TTL'))).toBe(true);
    expect(isUnknownCheck(error(404, 'no such page'))).toBe(false);
    expect(isUnknownCheck(undefined)).toBe(false);
  });

  const absence = {
    registry: 'consul',
    where: 'deregister "a"',
    listedWith: 'n1',
    asked: 'n1',
    removedMsAgo: undefined,
  };

  it.each([
    ['nobody lists it', { listedWith: undefined, asked: 'n2' }],
    ['this agent is listed: its removal is on its way', {}],
    ['the agent has just removed it', { removedMsAgo: 2_000, asked: undefined }],
  ])('is fine when %s', (_what, facts) => {
    expect(wrongAbsence({ ...absence, ...facts })).toBeUndefined();
  });

  it.each([
    ['another agent is listed', { asked: 'n2' }, 'invalid', 'node "n2"'],
    ['this agent does not say who it is', { asked: undefined }, 'unavailable', 'or this is the wrong agent'],
    ['the catalog has not followed for long', { removedMsAgo: 4_000 }, 'unavailable', 'blocked by ACLs'],
  ])('needs somebody to act when %s', (_what, facts, kind, words) => {
    const error = wrongAbsence({ ...absence, ...facts });
    expect(error).toMatchObject({ kind });
    expect(error?.message).toContain(words);
    expect(error?.message).toContain('node "n1"');
  });
});

describe('secrets', () => {
  it('are taken out of texts as they are and as they stand in a URL', () => {
    const secrets = new Secrets('consul', 'to/ken', undefined, ['pass word', undefined, '']);
    expect(secrets.redact('a to/ken, a to%2Fken, a pass word, a pass%20word')).toBe(
      'a [redacted], a [redacted], a [redacted], a [redacted]',
    );
  });
});
