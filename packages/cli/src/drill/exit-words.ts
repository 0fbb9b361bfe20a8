import type { ServiceExit } from '@prestop/testkit';

/** `exit code 0`, `SIGKILL` */
export function exitWords({ code, signal }: Pick<ServiceExit, 'code' | 'signal'>): string {
  return signal ?? `exit code ${code}`;
}
