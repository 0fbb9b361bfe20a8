import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { output } from '../node/command.ts';
import { PAUSE_IMAGE } from '../node/containerd.ts';
import { writeBase } from './base.ts';
import { type Dockerfile, parseDockerfile } from './dockerfile.ts';
import { type Layer, OciLayout } from './oci.ts';

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

/**
 * Builds the images of the examples and the pause image from what their Dockerfiles say, on a base made of this machine's
 * node, without a network and without Docker.
 *
 * @param programs folder of the Kubernetes programs, for `pause`.
 * @param archive the file to write.
 */
export async function buildImages(programs: string, archive: string, say: (line: string) => void): Promise<void> {
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
    await layout.write(archive);
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
