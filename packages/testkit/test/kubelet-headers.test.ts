import { expect, it } from 'vitest';
import { HOOK_HEADERS, withHeaders } from '../src/kubelet-headers.ts';

it('lets the manifest override a header in whatever case', () => {
  expect(withHeaders(HOOK_HEADERS, { 'user-agent': 'mine', 'X-Token': 't' })).toEqual({
    Accept: '*/*',
    'Accept-Encoding': 'gzip',
    'user-agent': 'mine',
    'X-Token': 't',
  });
});
