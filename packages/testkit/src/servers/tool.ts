import { runCommand } from './command.ts';

/** A program that must be installed to build or to run a server. */
export interface Tool {
  readonly command: string;
  /** Makes the program print its version. */
  readonly versionArgs: readonly string[];
  /** Finds the version in what it prints: major, and minor where it matters. */
  readonly versionPattern: RegExp;
  /** Oldest version that will do, `[major, minor]`. */
  readonly atLeast: readonly [number, number];
}

export const go: Tool = {
  command: 'go',
  versionArgs: ['version'],
  versionPattern: /go(\d+)\.(\d+)/,
  // Since 1.21 an older Go fetches the toolchain that go.mod asks for.
  atLeast: [1, 21],
};

export const java: Tool = {
  command: 'java',
  versionArgs: ['-version'],
  versionPattern: /version "(\d+)(?:\.(\d+))?/,
  atLeast: [17, 0],
};

/** The compiler: a JRE has only `java`. */
export const javac: Tool = {
  command: 'javac',
  versionArgs: ['-version'],
  versionPattern: /javac (\d+)(?:\.(\d+))?/,
  atLeast: [17, 0],
};

export const maven: Tool = {
  command: 'mvn',
  versionArgs: ['-version'],
  versionPattern: /Apache Maven (\d+)\.(\d+)/,
  atLeast: [3, 6],
};

/** What is wrong with this machine's copy of `tool`, or `undefined` when it will do. */
export async function lackOf(tool: Tool, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const result = await runCommand(tool.command, tool.versionArgs, { env });
  if (!result.found) return `"${tool.command}" is not installed`;
  const match = tool.versionPattern.exec(result.tail);
  if (result.exitCode !== 0 || match === null) {
    return `"${tool.command} ${tool.versionArgs.join(' ')}" does not print a version: ${result.tail}`;
  }
  const [major, minor] = [Number(match[1]), Number(match[2] ?? 0)];
  const [leastMajor, leastMinor] = tool.atLeast;
  if (major > leastMajor || (major === leastMajor && minor >= leastMinor)) return undefined;
  return `"${tool.command}" is version ${major}.${minor}; ${leastMajor}.${leastMinor} or newer is needed`;
}
