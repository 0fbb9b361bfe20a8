import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isAlive } from './alive.ts';
import { type BuildName, insteadOfBuilding, type Unavailable } from './availability.ts';
import { type CommandResult, runCommand } from './command.ts';
import { withLock } from './lock.ts';
import { type Progress, withProgress } from './progress.ts';
import { repositoryFolder, serverCacheFolder } from './repository.ts';
import { lackOf, type Tool } from './tool.ts';

/** How one server is built from its packages. */
export interface Recipe {
  readonly server: BuildName;
  /** Folder of the tool in the repository; all commands run there. */
  readonly folder: string;
  /** Files and folders below `folder` that decide what is built. */
  readonly inputs: readonly string[];
  /** Anything else that decides it, for example the platform. */
  readonly variant: string;
  readonly buildTools: readonly Tool[];
  /** Needed to run what was built. */
  readonly runTools: readonly Tool[];
  /** How to get the tools, in words. */
  readonly install: string;
  /** The command that writes the server into the folder `target`. */
  readonly command: (target: string) => BuildCommand;
}

export interface BuildCommand {
  readonly command: string;
  readonly args: readonly string[];
  /** Added to the environment. */
  readonly env: Readonly<Record<string, string>>;
  /** What a line of its output says about the progress; `undefined` when nothing. */
  readonly activity: (line: string) => string | undefined;
}

export interface BuildOptions {
  /** Where built servers are kept. Default: `.cache/servers` in the repository. */
  readonly cacheFolder?: string;
  /** The environment in which tools are looked for and run. Default: this process's. */
  readonly env?: NodeJS.ProcessEnv;
}

/** A server that is on this machine, in `folder`. */
export interface Built {
  readonly available: true;
  readonly origin: 'cache' | 'build';
  readonly folder: string;
}

/**
 * Finds what `recipe` builds in the cache, or builds it, saying on `progress` what goes on. What is built appears in
 * the cache at once and whole, under a name that changes with the recipe's inputs. Of several processes that need the
 * same build one does it and the others wait.
 *
 * @returns `available: false` when a tool is missing or the build failed.
 */
export async function ensureBuilt(
  recipe: Recipe,
  progress: Progress,
  options: BuildOptions = {},
): Promise<Built | Unavailable> {
  const { cacheFolder = serverCacheFolder, env = process.env } = options;
  const lackToRun = await firstLack(recipe.runTools, env);
  if (lackToRun !== undefined) return unavailable(recipe, lackToRun);

  const key = await hashOf(recipe);
  const folder = join(cacheFolder, key);
  if (existsSync(folder)) return { available: true, origin: 'cache', folder };

  const lackToBuild = await firstLack(recipe.buildTools, env);
  if (lackToBuild !== undefined) return unavailable(recipe, lackToBuild);

  await mkdir(cacheFolder, { recursive: true });
  return withProgress(recipe.server, progress, (note) =>
    withLock(
      `${folder}.lock`,
      (pid) => note(`waiting for process ${pid}, which is building it`),
      async () => {
        if (existsSync(folder)) return { available: true, origin: 'cache', folder };
        await removeAbandoned(cacheFolder, key);
        const staging = join(cacheFolder, `${key}.staging-${process.pid}`);
        try {
          const failure = await build(recipe, staging, env, progress, note);
          if (failure !== undefined) return unavailable(recipe, failure);
          await publish(staging, folder);
        } finally {
          await rm(staging, { recursive: true, force: true });
        }
        return { available: true, origin: 'build', folder };
      },
    ),
  );
}

async function build(
  recipe: Recipe,
  staging: string,
  env: NodeJS.ProcessEnv,
  progress: Progress,
  note: (activity: string) => void,
): Promise<string | undefined> {
  const { command, args, env: added, activity } = recipe.command(staging);
  progress(`${recipe.server}: building it once, with "${command}" in ${recipe.folder}; this can take some minutes`);
  const started = performance.now();
  await mkdir(staging);
  const result: CommandResult = await runCommand(command, args, {
    cwd: join(repositoryFolder, recipe.folder),
    env: { ...env, ...added },
    onLine: (line) => {
      const now = activity(line);
      if (now !== undefined) note(now);
    },
  });
  if (!result.found) return `"${command}" vanished before the build`;
  if (result.exitCode !== 0) return `"${command}" failed with exit code ${result.exitCode}:\n${result.tail}`;
  progress(`${recipe.server}: built in ${Math.round((performance.now() - started) / 1000)} s`);
  return undefined;
}

/** Renames, so that nobody ever sees half a build. Another process that was quicker has built the same. */
async function publish(staging: string, folder: string): Promise<void> {
  try {
    await rename(staging, folder);
  } catch (error) {
    if (!existsSync(folder)) throw error;
  }
}

/** Removes what builds that were killed left behind. */
async function removeAbandoned(cacheFolder: string, key: string): Promise<void> {
  const prefix = `${key}.staging-`;
  for (const name of await readdir(cacheFolder)) {
    if (name.startsWith(prefix) && !isAlive(Number(name.slice(prefix.length)))) {
      await rm(join(cacheFolder, name), { recursive: true, force: true });
    }
  }
}

async function firstLack(tools: readonly Tool[], env: NodeJS.ProcessEnv): Promise<string | undefined> {
  for (const tool of tools) {
    const lack = await lackOf(tool, env);
    if (lack !== undefined) return lack;
  }
  return undefined;
}

function unavailable({ server, install }: Recipe, why: string): Unavailable {
  return { available: false, server, why, how: `${install}, or ${insteadOfBuilding(server)}` };
}

/** The name of a build in the cache: `consul-` and a digest of all that decides what is built. */
async function hashOf(recipe: Recipe): Promise<string> {
  const folder = join(repositoryFolder, recipe.folder);
  const { command, args, env } = recipe.command('');
  const hash = createHash('sha256').update(JSON.stringify([recipe.variant, command, args, env]));
  for (const input of recipe.inputs) {
    for (const file of await filesOf(folder, input)) {
      hash.update(`\0${file}\0`).update(await readFile(join(folder, file)));
    }
  }
  return `${recipe.server.toLowerCase()}-${hash.digest('hex').slice(0, 16)}`;
}

/** The file `input`, or all files of the folder `input`, in an order that does not depend on the file system. */
async function filesOf(folder: string, input: string): Promise<readonly string[]> {
  if ((await stat(join(folder, input))).isFile()) return [input];
  const entries = await readdir(join(folder, input), { recursive: true });
  const paths = entries.map((entry) => join(input, entry)).sort();
  const areFiles = await Promise.all(paths.map(async (path) => (await stat(join(folder, path))).isFile()));
  return paths.filter((_, index) => areFiles[index]);
}
