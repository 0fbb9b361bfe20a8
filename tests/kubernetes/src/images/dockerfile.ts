/** What the last stage of a Dockerfile makes of its base, and the commands of the stage before it. */
export interface Dockerfile {
  /** From its first line, `docker build … -t name`: what the manifests call the image. */
  readonly image: string;
  /** The commands of the stage that the files are copied from. */
  readonly run: string;
  /** `COPY --from=<stage> <source> <target>`: what that stage has built, and where it goes. */
  readonly copy: { readonly source: string; readonly target: string };
  readonly env: readonly string[];
  readonly workingDir: string;
  readonly user: string;
  readonly cmd: readonly string[];
}

interface Instruction {
  readonly keyword: string;
  readonly value: string;
}

/**
 * Reads a Dockerfile of the examples' kind: a stage that builds, and one with what it has built.
 *
 * @throws Error for anything that it does not know, so that no image here is another one than Docker's.
 */
export function parseDockerfile(text: string): Dockerfile {
  const image = /^# .*docker build .*-t (\S+)/m.exec(text)?.[1];
  if (image === undefined) throw new Error('the Dockerfile does not begin with the command that builds it');
  const stages = stagesOf(instructionsOf(text));
  const [build, last, ...more] = stages;
  if (build === undefined || last === undefined || more.length > 0)
    throw new Error('the Dockerfile has not two stages');
  only(build, ['FROM', 'WORKDIR', 'COPY', 'RUN']);
  only(last, ['FROM', 'ENV', 'WORKDIR', 'COPY', 'USER', 'CMD']);
  const workingDir = one(last, 'WORKDIR');
  const [, source, target] = /^--from=build (\S+) (\S+)$/.exec(one(last, 'COPY')) ?? [];
  if (source === undefined || target !== '.') throw new Error(`COPY is not "--from=build … .": ${one(last, 'COPY')}`);
  return {
    image,
    run: one(build, 'RUN'),
    copy: { source, target: workingDir },
    env: last.filter(({ keyword }) => keyword === 'ENV').map(({ value }) => value),
    workingDir,
    user: one(last, 'USER'),
    cmd: JSON.parse(one(last, 'CMD')) as readonly string[],
  };
}

function instructionsOf(text: string): readonly Instruction[] {
  const lines = text.split('\n').filter((line) => !/^\s*(#|$)/.test(line));
  return lines
    .join('\n')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .map((line) => {
      const [keyword = '', ...rest] = line.split(' ');
      return { keyword, value: rest.join(' ').trim() };
    });
}

function stagesOf(instructions: readonly Instruction[]): readonly (readonly Instruction[])[] {
  const starts = instructions.flatMap(({ keyword }, index) => (keyword === 'FROM' ? [index] : []));
  return starts.map((start, nth) => instructions.slice(start, starts[nth + 1]));
}

function only(stage: readonly Instruction[], known: readonly string[]): void {
  const unknown = stage.find(({ keyword }) => !known.includes(keyword));
  if (unknown !== undefined) throw new Error(`${unknown.keyword} is not known here: ${unknown.value}`);
}

function one(stage: readonly Instruction[], keyword: string): string {
  const [found, ...more] = stage.filter((instruction) => instruction.keyword === keyword);
  if (found === undefined || more.length > 0) throw new Error(`the Dockerfile has not one ${keyword} in its stage`);
  return found.value;
}
