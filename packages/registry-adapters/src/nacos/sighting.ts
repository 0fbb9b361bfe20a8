import { isRegistryError, type RegistryError, type Sighting } from '@prestop/core';
import type { Failures } from './failures.ts';

/** What one server said about us, or why it said nothing. */
export type ServerView = 'listed' | 'not-listed' | RegistryError;

/**
 * What a consumer asking now would get, from what each server says:
 *
 * - One server that lists us is enough for `'visible'`: its consumers call us.
 * - `'gone'` takes the word of every server that can be reached, and of more than half of all. A server that cannot be
 *   reached cannot tell its consumers anything either, so one of three that is down or being restarted does not count; a
 *   minority that is all we can reach may be the wrong side of a partition.
 * - A server that answers with a refusal or an error can be reached and proves nothing. Neither does a list without us
 *   when we were never in it (`everSeen`): the namespace or the group may be another one.
 *
 * @throws RegistryError instead of `'unknown'` where an error is the reason, so that the report has its words.
 */
export function toSighting(views: readonly ServerView[], everSeen: boolean, failures: Failures): Sighting {
  if (views.includes('listed')) return 'visible';
  const errors = views.filter(isRegistryError);
  const refused = errors.filter((error) => !isUnreachable(error));
  const answered = views.length - errors.length;
  if (refused.length > 0) throw failures.everywhere('check', refused);
  if (answered * 2 <= views.length) throw failures.everywhere('check', errors);
  return everSeen ? 'gone' : 'unknown';
}

function isUnreachable({ kind, status }: RegistryError): boolean {
  return status === undefined && (kind === 'unavailable' || kind === 'timeout');
}
