import type { Cursor } from '../../yaml/cursor.ts';

/** `spec.template.spec.containers[].lifecycle`; the place in a List around it does not matter. */
export function pathBelow(at: Cursor, below: string): string {
  const path = at.path.replace(/^(?:items\[\d+\]\.?)+/, '');
  return path === '' ? below : `${path}.${below}`;
}
