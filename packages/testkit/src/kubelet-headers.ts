/** The kubelet's own version, as its User-Agent says it. */
const KUBELET = '1.34';

/** What the kubelet sends with a lifecycle hook (kubelet 1.34, observed). Go adds Accept-Encoding by itself. */
export const HOOK_HEADERS: Readonly<Record<string, string>> = {
  'User-Agent': `kube-lifecycle/${KUBELET}`,
  Accept: '*/*',
  'Accept-Encoding': 'gzip',
};

/** What the kubelet sends with a probe: a new connection each time, no compression. */
export const PROBE_HEADERS: Readonly<Record<string, string>> = {
  'User-Agent': `kube-probe/${KUBELET}`,
  Accept: '*/*',
  Connection: 'close',
};

/** `own` with the manifest's `httpHeaders` on top; names are compared without case, as HTTP does. */
export function withHeaders(
  own: Readonly<Record<string, string>>,
  added: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const overridden = new Set(Object.keys(added).map((name) => name.toLowerCase()));
  const kept = Object.entries(own).filter(([name]) => !overridden.has(name.toLowerCase()));
  return { ...Object.fromEntries(kept), ...added };
}
