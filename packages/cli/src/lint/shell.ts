/** What can be known about a command line without running it. */

const SHELLS: ReadonlySet<string> = new Set(['sh', 'bash', 'ash', 'dash', 'zsh', 'ksh', 'busybox']);
const INIT_WRAPPERS: ReadonlySet<string> = new Set(['tini', 'tini-static', 'dumb-init', 'catatonit']);
const PACKAGE_MANAGERS: ReadonlySet<string> = new Set([
  'npm',
  'yarn',
  'pnpm',
  'npx',
  'bunx',
  'corepack',
  'yarnpkg',
  'pnpx',
]);

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** `tini -- node x` is `node x`: an init hands signals on and reaps, so that what matters is its child. */
export function withoutInit(argv: readonly string[]): readonly string[] {
  const [first] = argv;
  if (first === undefined || !INIT_WRAPPERS.has(baseName(first))) return argv;
  const separator = argv.indexOf('--');
  if (separator !== -1) return argv.slice(separator + 1);
  const child = argv.findIndex((word, index) => index > 0 && !word.startsWith('-'));
  return child === -1 ? [] : argv.slice(child);
}

/** The text after `-c` when a shell is asked to run one. */
export function scriptOf(argv: readonly string[]): { readonly script: string; readonly index: number } | undefined {
  const [first] = argv;
  if (first === undefined || !SHELLS.has(baseName(first))) return undefined;
  const flag = argv.findIndex((word, index) => index > 0 && /^-[a-z]*c$/.test(word));
  const script = flag === -1 ? undefined : argv[flag + 1];
  return script === undefined ? undefined : { script, index: flag + 1 };
}

/** One command with plain words: nothing that needs the shell to stay (`;`, `&&`, pipes, redirections, substitution). */
export function isSimpleCommand(script: string): boolean {
  const text = script.trim();
  return (
    text !== '' && !/[;&|<>`\n(){}]|\$\(/.test(text) && !/^(?:if|while|until|for|case|set|export|cd|\w+=)/.test(text)
  );
}

/** The last command of a script, which is what the shell is waiting for: `cd /app && npm start` gives `npm start`. */
export function lastCommand(script: string): string {
  const parts = script
    .replace(/\\\r?\n/g, ' ')
    .split(/&&|\|\||[;\n|]/)
    .map((part) => part.trim());
  return parts.findLast((part) => part !== '' && !part.startsWith('#')) ?? '';
}

/** bash replaces itself by the only command it is given; other shells do so in some versions. */
export function replacesItself(argv: readonly string[], script: string): boolean {
  return baseName(argv[0] ?? '') === 'bash' && isSimpleCommand(script);
}

/** Whether the shell ends by becoming the command, so that the command gets the signals. */
export function endsWithExec(script: string): boolean {
  return /^exec\s/.test(lastCommand(script));
}

/** The package manager that a command line would start as the main process. */
export function packageManagerOf(argv: readonly string[]): string | undefined {
  const words = withoutInit(argv);
  const shell = scriptOf(words);
  const command =
    shell === undefined
      ? words
      : lastCommand(shell.script)
          .replace(/^exec\s+/, '')
          .split(/\s+/);
  const name = baseName(command[0] ?? '');
  return PACKAGE_MANAGERS.has(name) ? name : undefined;
}

export interface Sleep {
  readonly seconds: number;
  /** False where the script may not get to it, or may do it more than once. */
  readonly certain: boolean;
}

const UNITS: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3600, d: 86_400 };
const SLEEP =
  /(?:^|[;&|\n(]|\bthen\s|\bdo\s|\belse\s)\s*(?:exec\s+)?(?:\/\S*\/)?sleep\s+(\d+(?:\.\d+)?)([smhd]?)(?![\w.$])(\s*&(?!&))?/g;

/** How long a command sleeps by `sleep N`, added up over the script; undefined where it does not, or N is a variable. */
export function sleepOf(argv: readonly string[]): Sleep | undefined {
  const script = scriptOf(argv)?.script ?? (baseName(argv[0] ?? '') === 'sleep' ? argv.join(' ') : undefined);
  if (script === undefined) return undefined;
  let seconds = 0;
  let found = false;
  for (const [, amount, unit, background] of script.matchAll(SLEEP)) {
    if (background !== undefined) continue;
    seconds += Number(amount) * (UNITS[unit ?? ''] ?? 1);
    found = true;
  }
  return found ? { seconds, certain: !/\b(?:if|while|until|for|case)\b|\|\|/.test(script) } : undefined;
}
