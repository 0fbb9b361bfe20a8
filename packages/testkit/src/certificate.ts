import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { isIPv4 } from 'node:net';
import { checkOption } from './errors.ts';

/** A certificate that trusts itself, with its key; both PEM. */
export interface SelfSigned {
  readonly cert: string;
  readonly key: string;
}

export interface SelfSignedOptions {
  /** IPv4 addresses for which it is valid, too. Default: none. */
  readonly addresses?: readonly string[];
}

/**
 * A fresh certificate for `localhost`, `127.0.0.1` and `::1` (P-256, X.509 v3 as RFC 5280 section 4.1 lays it out), valid
 * until 2049. For tests: give `cert` as `ca` to the client.
 *
 * @throws TestkitError `ERR_TESTKIT_OPTION_INVALID`
 */
export function selfSignedCertificate({ addresses = [] }: SelfSignedOptions = {}): SelfSigned {
  checkOption(addresses.every(isIPv4), 'selfSignedCertificate', 'addresses', 'IPv4 addresses', addresses);
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const algorithm = sequence(oid(ECDSA_WITH_SHA256));
  const name = sequence(set(sequence(oid(COMMON_NAME), der(UTF8_STRING, Buffer.from('localhost')))));
  const validity = sequence(der(UTC_TIME, Buffer.from('200101000000Z')), der(UTC_TIME, Buffer.from('491231235959Z')));
  const alternatives = sequence(
    der(DNS_NAME, Buffer.from('localhost')),
    der(IP_ADDRESS, Buffer.from([127, 0, 0, 1])),
    der(IP_ADDRESS, Buffer.from([...Array(15).fill(0), 1])),
    ...addresses.map((address) => der(IP_ADDRESS, Buffer.from(address.split('.').map(Number)))),
  );
  const certificate = sequence(
    der(EXPLICIT_0, der(INTEGER, Buffer.from([2]))),
    der(INTEGER, Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    algorithm,
    name,
    validity,
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(EXPLICIT_3, sequence(sequence(oid(SUBJECT_ALT_NAME), der(OCTET_STRING, alternatives)))),
  );
  const signature = der(BIT_STRING, Buffer.concat([Buffer.from([0]), sign('sha256', certificate, privateKey)]));
  return {
    cert: pem(sequence(certificate, algorithm, signature)),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const OBJECT_ID = 0x06;
const UTF8_STRING = 0x0c;
const UTC_TIME = 0x17;
const SEQUENCE = 0x30;
const SET = 0x31;
const DNS_NAME = 0x82;
const IP_ADDRESS = 0x87;
const EXPLICIT_0 = 0xa0;
const EXPLICIT_3 = 0xa3;

/** 1.2.840.10045.4.3.2 */
const ECDSA_WITH_SHA256: readonly number[] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
/** 2.5.4.3 */
const COMMON_NAME: readonly number[] = [0x55, 0x04, 0x03];
/** 2.5.29.17 */
const SUBJECT_ALT_NAME: readonly number[] = [0x55, 0x1d, 0x11];

/** Tag, length, content (X.690, section 8.1); contents here stay below 64 KiB. */
function der(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const lengthBytes = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...lengthBytes]), content]);
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(SEQUENCE, Buffer.concat(parts));
}

function set(...parts: readonly Buffer[]): Buffer {
  return der(SET, Buffer.concat(parts));
}

function oid(encoded: readonly number[]): Buffer {
  return der(OBJECT_ID, Buffer.from(encoded));
}

function pem(bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
