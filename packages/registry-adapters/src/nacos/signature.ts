import { createHmac } from 'node:crypto';
import type { Params } from './http.ts';
import type { Credentials } from './options.ts';

/**
 * The parameters with which Alibaba Cloud's MSE knows the sender: a signature over the time and the grouped service
 * name, as Nacos' own clients make it (HMAC-SHA1; `aliyun_auth.js` of nacos-naming, RamIdentityContext of the Java client).
 */
export function signatureParams(credentials: Credentials, groupedService: string, nowMs: number): Params {
  if (credentials.kind !== 'access-key') return {};
  const { accessKey, secretKey, securityToken } = credentials;
  const data = `${nowMs}@@${groupedService}`;
  return {
    ak: accessKey,
    data,
    signature: createHmac('sha1', secretKey).update(data).digest('base64'),
    'Spas-SecurityToken': securityToken,
  };
}
