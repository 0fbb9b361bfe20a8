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
  /** Of the terminal. */
  readonly columns?: number;
}

/** Columns of a terminal; undefined where the output is none, or does not know. */
export function widthOf({ isTTY, columns }: Output): number | undefined {
  return isTTY === true && columns !== undefined && columns > 0 ? columns : undefined;
}

/** Whether a line can be written over. */
export function canRewrite({ isTTY }: Output, env: Io['env']): boolean {
  return isTTY === true && env['TERM'] !== 'dumb';
}

/** Colours only for a terminal, and not when NO_COLOR asks for none (https://no-color.org). */
export function wantsColours(output: Output, env: Io['env']): boolean {
  const refused = env['NO_COLOR'] !== undefined && env['NO_COLOR'] !== '';
  return canRewrite(output, env) && !refused;
}
