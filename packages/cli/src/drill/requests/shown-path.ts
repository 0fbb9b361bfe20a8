/**
 * A path for people and results: `/orders?page=…`. Values of a query may be tokens of whoever was recorded, and so may a
 * part that has no name.
 */
export function shownPath(path: string): string {
  const at = path.indexOf('?');
  if (at === -1) return path;
  const parts = path.slice(at + 1).split('&');
  return `${path.slice(0, at)}?${parts.map(shownPart).join('&')}`;
}

function shownPart(part: string): string {
  const at = part.indexOf('=');
  return at < 1 ? '…' : `${part.slice(0, at)}=…`;
}
