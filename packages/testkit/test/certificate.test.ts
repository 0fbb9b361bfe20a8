import { X509Certificate } from 'node:crypto';
import { expect, it } from 'vitest';
import { selfSignedCertificate } from '../src/certificate.ts';

it('is well formed, valid now and for every name of this machine, and signed with its own key', () => {
  const certificate = new X509Certificate(selfSignedCertificate().cert);
  expect(certificate.subject).toBe('CN=localhost');
  expect(certificate.checkHost('localhost')).toBe('localhost');
  expect(certificate.checkIP('127.0.0.1')).toBe('127.0.0.1');
  expect(certificate.checkIP('::1')).toBe('::1');
  expect(certificate.verify(certificate.publicKey)).toBe(true);
  expect(new Date(certificate.validFrom).getTime()).toBeLessThan(Date.now());
  expect(new Date(certificate.validTo).getFullYear()).toBe(2049);
});

it('is another one each time', () => {
  expect(selfSignedCertificate().cert).not.toBe(selfSignedCertificate().cert);
});

it('is valid for the addresses that are asked for, and refuses what is none', () => {
  const certificate = new X509Certificate(selfSignedCertificate({ addresses: ['10.1.2.3', '192.168.0.254'] }).cert);
  expect(certificate.checkIP('10.1.2.3')).toBe('10.1.2.3');
  expect(certificate.checkIP('192.168.0.254')).toBe('192.168.0.254');
  expect(certificate.checkIP('10.1.2.4')).toBeUndefined();
  expect(() => selfSignedCertificate({ addresses: ['node'] })).toThrow('"addresses" must be IPv4 addresses');
});
