/** What a command sees of the process around it; tests give their own. */
export interface Io {
  readonly stdin: AsyncIterable<Uint8Array | string>;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Paths on the command line are relative to it. */
  readonly cwd: string;
}

export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
}

/** Colours only for a terminal, and not when NO_COLOR asks for none (https://no-color.org). */
export function wantsColours(output: Output, env: Io['env']): boolean {
  const refused = env['NO_COLOR'] !== undefined && env['NO_COLOR'] !== '';
  return output.isTTY === true && !refused && env['TERM'] !== 'dumb';
}
