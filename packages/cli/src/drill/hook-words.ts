import type { PreStopHook } from '@prestop/testkit';
import { showDuration } from './duration.ts';
import { titleOf } from './requests/request-line.ts';

/** `GET /prestop`, `sleep 5 s`, `sh -c …`, `none` */
export function hookWords(hook: PreStopHook | undefined): string {
  if (hook === undefined) return 'none';
  if ('sleepSeconds' in hook) return `sleep ${showDuration(hook.sleepSeconds * 1000)}`;
  return 'command' in hook ? hook.command.join(' ') : titleOf({ method: 'GET', path: hook.path });
}
