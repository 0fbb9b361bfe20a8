import { readFileSync } from 'node:fs';
import { delimiter, join, sep } from 'node:path';
import type { Unavailable } from './availability.ts';
import { type BuildCommand, type BuildOptions, ensureBuilt, type Recipe } from './cached-build.ts';
import { type Progress, stderrProgress } from './progress.ts';
import { repositoryFolder } from './repository.ts';
import { go, java, javac, maven } from './tool.ts';

const consulRecipe: Recipe = {
  server: 'Consul',
  folder: 'tools/consul',
  inputs: ['go.mod', 'go.sum'],
  variant: `${process.platform}-${process.arch}`,
  buildTools: [go],
  runTools: [],
  install: `install Go ${go.atLeast.join('.')} or newer`,
  command: (target) => goBuild(join(target, 'consul'), '', ['github.com/hashicorp/consul']),
};

const kubernetesRecipe: Recipe = {
  server: 'Kubernetes',
  folder: 'tools/kubernetes',
  inputs: ['go.mod', 'go.sum', 'pause'],
  variant: `${process.platform}-${process.arch}`,
  buildTools: [go],
  runTools: [],
  install: `install Go ${go.atLeast.join('.')} or newer`,
  command: (target) =>
    // With a separator at the end it is a folder, and every program gets its own name.
    goBuild(join(target, sep), kubernetesVersionFlags(), [
      'go.etcd.io/etcd/server/v3',
      ...['kube-apiserver', 'kube-controller-manager', 'kube-proxy', 'kube-scheduler', 'kubectl', 'kubelet'].map(
        (name) => `k8s.io/kubernetes/cmd/${name}`,
      ),
      './pause',
    ]),
};

/** Without them the programs say that they are v0.0.0, and the kubelet's hooks have the user agent `kube-lifecycle/.`. */
function kubernetesVersionFlags(): string {
  const goMod = readFileSync(join(repositoryFolder, 'tools/kubernetes/go.mod'), 'utf8');
  const [, major, minor, patch] = /k8s\.io\/kubernetes v(\d+)\.(\d+)\.(\d+)/.exec(goMod) ?? [];
  const flag = (name: string, value: string) => ` -X k8s.io/component-base/version.${name}=${value}`;
  return `${flag('gitVersion', `v${major}.${minor}.${patch}`)}${flag('gitMajor', `${major}`)}${flag('gitMinor', `${minor}`)}`;
}

/** Statically linked, so that it also runs where nothing else is: in an image without a base. */
function goBuild(output: string, ldflags: string, packages: readonly string[]): BuildCommand {
  let compiled = 0;
  return {
    command: 'go',
    args: ['build', '-v', '-trimpath', '-buildvcs=false', '-ldflags', `-s -w${ldflags}`, '-o', output, ...packages],
    env: { CGO_ENABLED: '0', GOWORK: 'off' },
    activity: (line) => {
      if (line.startsWith('go: ')) return line.slice('go: '.length);
      compiled += 1;
      return `compiling, ${compiled} packages so far, now ${line}`;
    },
  };
}

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

/** The programs of a Kubernetes node on this machine. */
export interface KubernetesPrograms {
  readonly available: true;
  readonly origin: 'cache' | 'build';
  /** Holds `kubelet`, `kube-apiserver` and the others by their names, etcd as `server`, and `pause` for the image. */
  readonly folder: string;
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

/**
 * The Kubernetes of `tools/kubernetes`, from the cache or built now (ten minutes when Go's own caches are empty, with 3 GB
 * of memory). Never throws for a missing tool or a failed build: the answer says what is missing.
 */
export async function ensureKubernetesPrograms(
  progress: Progress = stderrProgress,
  options: BuildOptions = {},
): Promise<KubernetesPrograms | Unavailable> {
  return ensureBuilt(kubernetesRecipe, progress, options);
}
