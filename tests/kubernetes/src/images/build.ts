import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mustSkip } from '@prestop/testkit/servers';
import { output } from '../node/command.ts';
import { PAUSE_IMAGE } from '../node/containerd.ts';
import { writeBase } from './base.ts';
import { type Dockerfile, parseDockerfile } from './dockerfile.ts';
import { type Layer, OciLayout } from './oci.ts';
import { type Template, templates } from './templates.ts';

const REPOSITORY = fileURLToPath(new URL('../../../../', import.meta.url));
const EXAMPLES = join(REPOSITORY, 'examples');
/** Of the official image. */
const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The Dockerfiles of the examples, by the names of their folders. */
export function dockerfiles(): ReadonlyMap<string, Dockerfile> {
  const names = readdirSync(EXAMPLES).filter((name) => existsSync(join(EXAMPLES, name, 'Dockerfile')));
  return new Map(
    names.map((name) => [name, parseDockerfile(readFileSync(join(EXAMPLES, name, 'Dockerfile'), 'utf8'))]),
  );
}

export interface BuildOptions {
  /** Folder of the Kubernetes programs, for `pause`. */
  readonly programs: string;
  /** The file to write. */
  readonly archive: string;
  /** Folder for what the templates fetch or build once. */
  readonly cache: string;
  readonly say: (line: string) => void;
}

/**
 * Builds the images of the examples and the pause image from what their Dockerfiles say, on a base made of this machine's
 * node, without a network and without Docker; and those of the templates, as far as this machine has their programs.
 *
 * @returns the names of the templates' images.
 */
export async function buildImages({ programs, archive, cache, say }: BuildOptions): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'prestop-images-'));
  try {
    const layout = new OciLayout(join(folder, 'layout'));
    const pause = join(folder, 'pause');
    mkdirSync(pause);
    cpSync(join(programs, 'pause'), join(pause, 'pause'));
    layout.addImage(PAUSE_IMAGE, [await layout.addLayer(pause)], { Env: [PATH], Cmd: ['/pause'] });

    const baseFolder = join(folder, 'base');
    await writeBase(baseFolder);
    const base = await layout.addLayer(baseFolder);
    for (const [name, dockerfile] of dockerfiles()) {
      say(`building the image ${dockerfile.image} as examples/${name}/Dockerfile says`);
      await addExample(layout, base, join(folder, name), dockerfile);
    }
    const built: string[] = [];
    for (const template of templates(cache)) {
      if (await addTemplate(layout, base, join(folder, template.subject), template)) {
        built.push(...template.images.map(({ name }) => name));
      }
    }
    await layout.write(archive);
    return built;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function addExample(layout: OciLayout, base: Layer, folder: string, dockerfile: Dockerfile): Promise<void> {
  const { image, run, copy, env, cmd, user, workingDir } = dockerfile;
  const target = join(folder, copy.target);
  mkdirSync(folder, { recursive: true });
  // The command of the Dockerfile itself; only the folder that it writes to is another one.
  const command = run.replaceAll(new RegExp(`(?<= )${copy.source}(?= |$)`, 'g'), target);
  if (command === run) throw new Error(`${image}: RUN does not write to ${copy.source}: ${run}`);
  await output('sh', ['-c', command], REPOSITORY);
  const layer = await layout.addLayer(folder);
  layout.addImage(image, [base, layer], { Env: [PATH, ...env], Cmd: cmd, User: user, WorkingDir: workingDir });
}

async function addTemplate(layout: OciLayout, base: Layer, folder: string, template: Template): Promise<boolean> {
  const { subject, images, write, how } = template;
  mkdirSync(folder);
  try {
    await write(folder);
  } catch (error) {
    const why = (error as Error).message;
    if (mustSkip({ available: false, server: 'Kubernetes', why, how }, `the manifests with ${subject}`)) return false;
  }
  const layer = await layout.addLayer(folder);
  for (const { name, stopSignal } of images) {
    const signal = stopSignal === undefined ? {} : { StopSignal: stopSignal };
    layout.addImage(name, [base, layer], { Env: [PATH], Cmd: [], ...signal });
  }
  return true;
}
