import { lstat, readdir, readFile, stat } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import { systemMessage } from '../errors.ts';
import { Tree } from '../yaml/cursor.ts';
import { parseDocuments, type SyntaxProblem } from '../yaml/parse.ts';
import { Source } from '../yaml/source.ts';
import type { LintInput } from './lint.ts';

/** Largest input that is read, in bytes. The parser needs about 80 bytes of memory for each. */
const MAX_INPUT_BYTES = 64 * 1024 * 1024;

export const STDIN_NAME = '<stdin>';

export interface ReadInputs {
  readonly inputs: readonly LintInput[];
  readonly problems: readonly SyntaxProblem[];
  /** What was left out on purpose, for people: `chart/templates: Helm templates, …`. */
  readonly notes: readonly string[];
}

/**
 * Reads files, folders (`*.yaml`, `*.yml`, without hidden folders, `node_modules` and symbolic links to folders) and
 * standard input (`-`). Nothing here throws for what it finds: it is a problem with a file and a line.
 */
export async function readInputs(
  paths: readonly string[],
  from: {
    readonly cwd: string;
    readonly stdin: AsyncIterable<Uint8Array | string>;
    /** Files and folders that are left out. */
    readonly exclude?: readonly string[];
  },
): Promise<ReadInputs> {
  const inputs: LintInput[] = [];
  const problems: SyntaxProblem[] = [];
  const files: string[] = [];
  const excluded = new Set((from.exclude ?? []).map((path) => resolve(from.cwd, path)));
  const tour: Tour = { cwd: from.cwd, excluded, notes: [], patches: new Set() };
  for (const path of paths) {
    if (path === '-') {
      const text = decode(STDIN_NAME, await collect(from.stdin), problems);
      if (text?.trim() === '') {
        problems.push(at(STDIN_NAME, 'standard input is empty: did the command before the pipe fail?'));
      } else if (text !== undefined) inputs.push({ file: STDIN_NAME, text });
      continue;
    }
    const absolute = resolve(from.cwd, path);
    if (excluded.has(absolute)) continue;
    try {
      if ((await stat(absolute)).isDirectory()) files.push(...(await walk(absolute, tour)));
      else files.push(absolute);
    } catch (error) {
      const pattern = /[*?[]/.test(path) ? '; patterns are for the shell' : '';
      problems.push(at(path, `${systemMessage(error)}${pattern}`));
    }
  }
  for (const file of new Set(files)) {
    const name = displayName(file, from.cwd);
    const text = await readText(file, name, problems);
    if (text !== undefined) inputs.push({ file: name, text, ...(tour.patches.has(file) ? { fragment: true } : {}) });
  }
  return { inputs, problems, notes: tour.notes };
}

async function readText(file: string, name: string, problems: SyntaxProblem[]): Promise<string | undefined> {
  try {
    const { size } = await stat(file);
    if (size > MAX_INPUT_BYTES) {
      problems.push(at(name, tooLarge(size)));
      return undefined;
    }
    return decode(name, await readFile(file), problems);
  } catch (error) {
    problems.push(at(name, systemMessage(error)));
    return undefined;
  }
}

/** UTF-8 text, or a problem that says on which line it stops being one. */
function decode(file: string, bytes: Uint8Array, problems: SyntaxProblem[]): string | undefined {
  if (bytes.length > MAX_INPUT_BYTES) {
    problems.push(at(file, tooLarge(bytes.length)));
    return undefined;
  }
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    problems.push(at(file, 'UTF-16 text; save it as UTF-8'));
    return undefined;
  }
  const nul = bytes.indexOf(0);
  if (nul !== -1) {
    problems.push(at(file, `binary, not YAML: a NUL byte at offset ${nul}`, bytes.subarray(0, nul)));
    return undefined;
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    const valid = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes).split('\ufffd', 1)[0] ?? '';
    problems.push(at(file, 'not UTF-8 text', new TextEncoder().encode(valid)));
    return undefined;
  }
}

function at(file: string, message: string, before?: Uint8Array): SyntaxProblem {
  if (before === undefined) return { file, line: 1, column: 1, message };
  let line = 1;
  let start = 0;
  for (let index = before.indexOf(10); index !== -1; index = before.indexOf(10, index + 1)) {
    line++;
    start = index + 1;
  }
  return { file, line, column: before.length - start + 1, message };
}

function tooLarge(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MiB; at most ${MAX_INPUT_BYTES / 1024 / 1024} MiB are read`;
}

async function collect(stream: AsyncIterable<Uint8Array | string>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    const part = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    chunks.push(part);
    bytes += part.length;
    if (bytes > MAX_INPUT_BYTES) break;
  }
  return Buffer.concat(chunks);
}

const SKIPPED_FOLDERS: ReadonlySet<string> = new Set(['node_modules']);
const YAML_FILE = /\.ya?ml$/i;
const KUSTOMIZATION = /^kustomization\.ya?ml$|^Kustomization$/;

/** What is known and found on the way through the folders; paths are absolute. */
interface Tour {
  readonly cwd: string;
  readonly excluded: ReadonlySet<string>;
  readonly notes: string[];
  /** Files that a kustomization applies as patches. */
  readonly patches: Set<string>;
}

async function walk(folder: string, tour: Tour): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const names = entries.map(({ name }) => name).sort();
  const files: string[] = [];
  for (const name of names) {
    const path = join(folder, name);
    if (tour.excluded.has(path)) continue;
    const info = await lstat(path);
    if (info.isDirectory()) {
      if (name.startsWith('.') || SKIPPED_FOLDERS.has(name)) continue;
      if (name === 'templates' && names.includes('Chart.yaml')) {
        tour.notes.push(
          `${displayName(path, tour.cwd)}: Helm templates, not YAML yet; check what they become: helm template … | prestop lint -`,
        );
        continue;
      }
      files.push(...(await walk(path, tour)));
    } else if (KUSTOMIZATION.test(name)) {
      for (const patch of await patchesOf(path)) tour.patches.add(resolve(folder, patch));
    } else if (YAML_FILE.test(name)) files.push(path);
  }
  return files;
}

/** The files that a kustomization applies as patches. */
async function patchesOf(path: string): Promise<string[]> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const source = new Source(path, text);
  const found: string[] = [];
  for (const document of parseDocuments(source, () => {})) {
    const root = new Tree(source, document).root();
    for (const entry of root.get('patchesStrategicMerge').items()) found.push(entry.text ?? '');
    for (const list of ['patches', 'patchesJson6902']) {
      for (const entry of root.get(list).items()) found.push(entry.get('path').text ?? '');
    }
  }
  return found.filter((each) => YAML_FILE.test(each) && !each.includes('\n'));
}

/** Relative to where the command runs, so that it can be clicked and uploaded; absolute for files elsewhere. */
function displayName(file: string, cwd: string): string {
  const name = relative(cwd, file);
  return name === '' || name.startsWith('..') || isAbsolute(name) ? file : name.split(sep).join('/');
}
