import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ensureConsulBinary, ensureKubernetesPrograms, ensureNacosClasspath, mustSkip } from '@prestop/testkit/servers';
import { buildImages } from './images/build.ts';
import { removeRemains } from './node/remains.ts';
import { lackOfNode } from './node/requirements.ts';

const USAGE = `npm run test:kubernetes [-- --up | --publish | vitest arguments]

Runs the published manifests on a real Kubernetes: a node of one's own, in namespaces of its own (Linux, root), which is
built on the first run and leaves nothing behind. With PRESTOP_TEST_KUBECONFIG it is that cluster instead; it has the
images of the examples, and its pods and Services can be reached from here.

What it has seen is written to .cache/kubernetes-results.md.

  --up       starts the node alone and keeps it until Ctrl-C
  --publish  writes docs/kubernetes-results.md instead
  --help     this text
`;

const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url));

async function main(): Promise<number> {
  const flag = { type: 'boolean' } as const;
  const { values } = parseArgs({ options: { up: flag, publish: flag, help: flag }, strict: false });
  if (values['help'] === true) {
    process.stdout.write(USAGE);
    return 0;
  }
  const chosen = process.argv.slice(2).filter((word) => word !== '--publish');
  const suite = [process.execPath, join(REPOSITORY, 'node_modules/vitest/vitest.mjs'), 'run'];
  suite.push('--config', join(REPOSITORY, 'tests/kubernetes/vitest.config.ts'), ...chosen);
  // A run of some of the cases leaves what the others have seen.
  if (chosen.length === 0) rmSync(join(REPOSITORY, '.cache/kubernetes-results'), { recursive: true, force: true });
  const page = values['publish'] === true ? 'docs/kubernetes-results.md' : '.cache/kubernetes-results.md';
  process.env['PRESTOP_KUBERNETES_RESULTS'] = join(REPOSITORY, page);
  if (process.env['PRESTOP_TEST_KUBECONFIG']) return (await run(suite, 'inherit')) ?? 1;

  const programs = lackOfNode() ?? (await ensureKubernetesPrograms());
  if (mustSkip(programs, 'the published manifests on a real Kubernetes')) return 0;
  await Promise.all([ensureConsulBinary(), ensureNacosClasspath()]);

  const images = join(REPOSITORY, '.cache/kubernetes-images');
  mkdirSync(images, { recursive: true });
  const built = await buildImages({
    programs: programs.folder,
    archive: join(images, 'images.tar'),
    cache: join(REPOSITORY, '.cache/kubernetes-templates'),
    say,
  });
  process.env['PRESTOP_TEST_IMAGES'] = built.join(' ');
  const keeper = fileURLToPath(new URL('node/keeper.js', import.meta.url));
  const command = values['up'] === true ? ['sleep', 'infinity'] : suite;
  if (values['up'] === true) say('a shell on the node: nsenter --all --target "$(pgrep --full --newest node/init.js)"');
  const code = await run([process.execPath, keeper, programs.folder, images, ...command], 'pipe');
  // The keeper clears up, unless it was killed.
  if (code === undefined) await removeRemains();
  return code ?? 1;
}

/**
 * @param stdin `pipe`: whatever becomes of this process, it ends, and the command knows.
 * @returns the exit code; `undefined` when a signal has ended it.
 */
async function run([command = '', ...args]: readonly string[], stdin: 'pipe' | 'inherit'): Promise<number | undefined> {
  const own = stdin === 'pipe';
  // In a session of its own Ctrl-C does not reach it; the end of its standard input does, and it clears up.
  const child = spawn(command, args, { stdio: [stdin, 'inherit', 'inherit'], detached: own });
  if (own) for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.stdin?.end());
  const [code] = (await once(child, 'exit')) as [number | null];
  // What is still at the other end of it, the node's first process, ends with it.
  child.stdin?.destroy();
  return code ?? undefined;
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

process.exitCode = await main();
