/** Exit codes of `prestop lint` and `prestop manifest`. Public contract. */
export const EXIT = {
  /** Nothing at or above `--fail-on`; everything was read. */
  clean: 0,
  /** At least one finding at or above `--fail-on`. */
  findings: 1,
  /** Unknown command or option, or a value that cannot be. */
  usage: 2,
  /** Something could not be read or written: malformed YAML, binary input, a missing file. Findings are still printed. */
  unreadable: 3,
} as const;

/** Exit codes of `prestop hook`. The kubelet records any code but 0 as a failed hook. Public contract. */
export const HOOK_EXIT = {
  /** `prestop`: drained and clean. `poststart`: ready, or the wait ended and `--on-timeout pass` holds. */
  done: 0,
  /** `prestop`: answered, but the report says that not everything went well (requests cut, a closer failed). */
  notClean: 1,
  usage: 2,
  /** The admin server refused the token (401 or 403). */
  refused: 3,
  /** Nothing answered on the port. */
  unreachable: 4,
  /** `--timeout` passed before the answer. */
  timeout: 5,
  /** An answer that is not the SDK's: a redirect, 404, 500. */
  unexpected: 6,
} as const;

export type HookExitCode = (typeof HOOK_EXIT)[keyof typeof HOOK_EXIT];
