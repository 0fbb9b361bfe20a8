import { readFileSync } from 'node:fs';
import type { WarningCode } from './events.ts';

export interface ParentWarning {
  readonly code: WarningCode;
  readonly message: string;
}

export interface ParentFacts {
  /** Process id of the parent. */
  readonly ppid: number;
  /** Name of the parent's program, where the system tells it. */
  readonly parentName: string | undefined;
  /** `npm_lifecycle_event` of the environment: set by npm, yarn and pnpm for the scripts they run. */
  readonly script: string | undefined;
}

/** Looks at the process that may stand between the kubelet's signal and this one. */
export function readParent(env: NodeJS.ProcessEnv = process.env): ParentFacts {
  const { ppid } = process;
  let parentName: string | undefined;
  try {
    parentName = readFileSync(`/proc/${ppid}/comm`, 'utf8').trim();
  } catch {
    // Only Linux has it; elsewhere the environment has to do.
  }
  return { ppid, parentName, script: env['npm_lifecycle_event'] };
}

const SHELL = /^(?:sh|ash|dash|bash|zsh|busybox)$/;

/**
 * Package managers end on SIGTERM without waiting for their child, and a shell as PID 1 neither dies of the signal nor
 * passes it on: either way the work in flight is killed.
 */
export function parentWarnings({ ppid, parentName, script }: ParentFacts): readonly ParentWarning[] {
  const remedy = 'start the service with CMD ["node", "server.js"]';
  if (script !== undefined) {
    const message = `this process runs under a package manager (script "${script}"), which does not pass signals on reliably; ${remedy}`;
    return [{ code: 'PACKAGE_MANAGER', message }];
  }
  if (ppid === 1 && parentName !== undefined && SHELL.test(parentName)) {
    const message = `PID 1 is a shell (${parentName}), which does not pass signals on: SIGTERM will not reach this process; ${remedy}`;
    return [{ code: 'SHELL_IS_PID_1', message }];
  }
  return [];
}
