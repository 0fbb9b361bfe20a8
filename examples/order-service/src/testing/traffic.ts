import type { RequestKind } from '@prestop/testkit';

/** Longest request of {@link orderTraffic}, in milliseconds: the invoice. */
export const LONGEST_REQUEST_MS = 500;

const order = JSON.stringify({ lines: Array.from({ length: 100 }, (_, index) => ({ index })) });

/** What the callers of the order service ask for: mostly fast reads, some slow, streamed and uploaded ones. */
export const orderTraffic: readonly RequestKind[] = [
  { method: 'GET', path: '/orders/7', weight: 16 },
  { method: 'GET', path: '/orders/7/invoice', weight: 2 },
  { method: 'GET', path: '/orders', weight: 1 },
  { method: 'POST', path: '/orders', headers: { 'content-type': 'application/json' }, body: order, weight: 1 },
];
