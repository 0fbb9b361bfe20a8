import type { LifecycleEvents } from '../../src/events.ts';
import { reportOf } from './report-of.ts';

const error = new Error('connection refused');
const request = { method: 'GET', path: '/orders' };
const caller = { remoteAddress: '10.0.0.1', userAgent: 'caller/1' };

/** One of each, with every field that it can have. */
export const SAMPLE_EVENTS: LifecycleEvents = {
  phase: { from: 'ready', to: 'deregistering', afterMs: 5 },
  terminating: { trigger: { kind: 'prestop' }, budgetMs: 25_000 },
  joined: { trigger: { kind: 'signal', detail: 'SIGTERM' }, fastPath: false },
  registered: { registry: 'file', attempts: 1, listed: true },
  registrationFailed: { registry: 'file', error, retryInMs: 150 },
  deregistrationFailed: { registry: 'file', error, retryInMs: undefined },
  deregistered: { registry: 'file', outcome: 'confirmed', afterMs: 200 },
  reappeared: { registry: 'file' },
  lateRequest: { ...request, ...caller, afterMs: 20 },
  cut: { ...request, ageMs: 900, cause: 'deadline' },
  heldCut: { work: 'orders', ageMs: 900 },
  closed: { closer: 'pool', outcome: 'failed', ms: 3, error },
  resumed: { waitedMs: 10_000 },
  refused: { endpoint: '/prestop', remoteAddress: '10.0.0.1', reason: 'the token is missing or wrong' },
  failed: { reason: 'the event loop is blocked' },
  warning: { code: 'PACKAGE_MANAGER', message: 'started by npm' },
  startFailed: { error },
  report: { report: reportOf({}) },
};
