import type { PreStopHook } from '@prestop/testkit';
import { showDuration } from './duration.ts';

/** `GET /prestop`, `sleep 5 s`, `sh -c …`, `none` */
export function hookWords(hook: PreStopHook | undefined): string {
  if (hook === undefined) return 'none';
  if ('sleepSeconds' in hook) return `sleep ${showDuration(hook.sleepSeconds * 1000)}`;
  return 'command' in hook ? hook.command.join(' ') : `GET ${hook.path}`;
}
