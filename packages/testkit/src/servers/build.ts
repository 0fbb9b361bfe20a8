import { delimiter, join } from 'node:path';
import type { Unavailable } from './availability.ts';
import { type BuildOptions, ensureBuilt, type Recipe } from './cached-build.ts';
import { type Progress, stderrProgress } from './progress.ts';
import { go, java, javac, maven } from './tool.ts';

const consulRecipe: Recipe = {
  server: 'Consul',
  folder: 'tools/consul',
  inputs: ['go.mod', 'go.sum'],
  variant: `${process.platform}-${process.arch}`,
  buildTools: [go],
  runTools: [],
  install: `install Go ${go.atLeast.join('.')} or newer`,
  command: (target) => {
    let compiled = 0;
    return {
      command: 'go',
      args: [
        'build',
        '-v',
        '-trimpath',
        '-buildvcs=false',
        '-ldflags',
        '-s -w',
        '-o',
        join(target, 'consul'),
        'github.com/hashicorp/consul',
      ],
      env: { CGO_ENABLED: '0', GOWORK: 'off' },
      activity: (line) => {
        if (line.startsWith('go: ')) return line.slice('go: '.length);
        compiled += 1;
        return `compiling, ${compiled} packages so far, now ${line}`;
      },
    };
  },
};

const nacosRecipe: Recipe = {
  server: 'Nacos',
  folder: 'tools/nacos',
  inputs: ['pom.xml', 'src'],
  variant: 'any',
  buildTools: [javac, maven],
  runTools: [java],
  install: `install a JDK ${java.atLeast[0]} or newer and Maven ${maven.atLeast.join('.')} or newer`,
  command: (target) => ({
    command: 'mvn',
    args: [
      '--batch-mode',
      'compile',
      'dependency:copy-dependencies',
      '-DincludeScope=runtime',
      `-DbuildFolder=${target}`,
      `-DoutputDirectory=${join(target, 'lib')}`,
    ],
    env: {},
    activity: (line) => {
      const download = /Downloading from \S+: \S*\/([^/]+)$/.exec(line);
      if (download !== null) return `downloading ${download[1]}`;
      const plugin = /^\[INFO\] --- ([^:]+):/.exec(line);
      return plugin === null ? undefined : `running ${plugin[1]}`;
    },
  }),
};

/** A Consul binary on this machine. */
export interface ConsulBinary {
  readonly available: true;
  readonly origin: 'cache' | 'build';
  /** Path of the executable. */
  readonly binary: string;
}

/** A Nacos server on this machine. */
export interface NacosClasspath {
  readonly available: true;
  readonly origin: 'cache' | 'build';
  /** For `java -cp`. */
  readonly classpath: string;
}

/**
 * The Consul of `tools/consul`, from the cache or built now (minutes when Go's own caches are empty). Never throws for a
 * missing tool or a failed build: the answer says what is missing.
 */
export async function ensureConsulBinary(
  progress: Progress = stderrProgress,
  options: BuildOptions = {},
): Promise<ConsulBinary | Unavailable> {
  const built = await ensureBuilt(consulRecipe, progress, options);
  return built.available ? { available: true, origin: built.origin, binary: join(built.folder, 'consul') } : built;
}

/**
 * The Nacos of `tools/nacos`, from the cache or built now (half a minute and more when Maven's repository is empty).
 * Never throws for a missing tool or a failed build: the answer says what is missing.
 */
export async function ensureNacosClasspath(
  progress: Progress = stderrProgress,
  options: BuildOptions = {},
): Promise<NacosClasspath | Unavailable> {
  const built = await ensureBuilt(nacosRecipe, progress, options);
  if (!built.available) return built;
  const classpath = [join(built.folder, 'classes'), join(built.folder, 'lib', '*')].join(delimiter);
  return { available: true, origin: built.origin, classpath };
}
