import { type Cursor, Tree } from '../yaml/cursor.ts';
import { type DuplicateKey, parseDocuments, type SyntaxProblem } from '../yaml/parse.ts';
import { Source } from '../yaml/source.ts';
import { chooseRules, ruleNamed } from './choose.ts';
import { buildCluster, NEIGHBOUR_KINDS } from './cluster.ts';
import type { Finding, LintResult } from './finding.ts';
import { type Resource, resourcesIn } from './resource.ts';
import type { Problem, Rule, RuleInfo } from './rule.ts';
import { duplicateKey, ignoreComment } from './rules/document.ts';
import { WORKLOAD_RULES } from './rules/index.ts';
import { DEFAULT_SETTINGS, IGNORE_ANNOTATION, type LintSettings } from './settings.ts';
import { type Suppression, suppressionsIn, suppressionsOf } from './suppress.ts';
import { readWorkload, type Workload } from './workload.ts';

/** One text to check. */
export interface LintInput {
  /** Name for the findings; nothing is read from it. */
  readonly file: string;
  readonly text: string;
  /**
   * A patch that another file applies: what is missing in it is not missed.
   * @default false
   */
  readonly fragment?: boolean;
}

export interface LintOptions extends Partial<LintSettings> {
  /**
   * Codes or names of the rules to apply.
   * @default all
   */
  readonly rules?: readonly string[];
  /** Codes or names of rules not to apply. */
  readonly ignore?: readonly string[];
}

/**
 * Checks manifests. All inputs are one cluster: a Service in one file selects the Deployment of another. Reads no files
 * and renders nothing: a Helm template or a Kustomize overlay has to be rendered before.
 *
 * @throws CliError `ERR_PRESTOP_CLI_USAGE` for a rule that does not exist.
 */
export function lint(inputs: readonly LintInput[], options: LintOptions = {}): LintResult {
  const run = new Run(chooseRules(options));
  for (const input of inputs) run.read(input);
  run.check({ ...DEFAULT_SETTINGS, ...settingsIn(options) });
  return run.result();
}

class Run {
  readonly #enabled: ReadonlySet<string>;
  readonly #rules: readonly Rule[];
  readonly #neighbours: Resource[] = [];
  readonly #workloads: Workload[] = [];
  #objects = 0;
  readonly #found = new Map<string, Finding>();
  readonly #problems: SyntaxProblem[] = [];
  /** Files in the order they were given. */
  readonly #order = new Map<string, number>();
  readonly #inFile = new Map<string, readonly Suppression[]>();
  /** By the node of the object whose annotation it is. */
  readonly #inObject = new Map<unknown, readonly Suppression[]>();
  #suppressed = 0;

  constructor(enabled: ReadonlySet<string>) {
    this.#enabled = enabled;
    this.#rules = WORKLOAD_RULES.filter(({ code }) => enabled.has(code));
  }

  /** Keeps what the rules look at; a file of large CRDs is not held in memory. */
  read({ file, text, fragment = false }: LintInput): void {
    const source = new Source(file, text);
    this.#order.set(file, this.#order.size);
    this.#inFile.set(file, suppressionsIn(source));
    for (const document of parseDocuments(source, (problem) => this.#problems.push(problem))) {
      const before = this.#objects;
      for (const resource of resourcesIn(new Tree(source, document).root())) {
        this.#objects++;
        const workload = readWorkload(resource);
        if (workload !== undefined) this.#workloads.push(fragment ? { ...workload, partial: true } : workload);
        if (NEIGHBOUR_KINDS.has(resource.kind)) this.#neighbours.push(resource);
      }
      if (this.#objects > before) for (const duplicate of document.duplicates) this.#duplicate(source, duplicate);
    }
  }

  check(settings: LintSettings): void {
    const cluster = buildCluster(this.#neighbours);
    for (const workload of this.#workloads) {
      for (const rule of this.#rules) {
        if (rule.absence === true && workload.partial) continue;
        for (const problem of rule.check({ workload, cluster, settings })) this.#add(rule, problem, workload);
      }
    }
    this.#checkSuppressions();
  }

  /** Judges the exceptions themselves, after everything else. */
  #checkSuppressions(): void {
    if (!this.#enabled.has(ignoreComment.code)) return;
    const all = [...[...this.#inFile.values()].flat(), ...[...this.#inObject.values()].flat()];
    for (const suppression of all) {
      const message = mistakeOf(suppression, this.#enabled);
      if (message === undefined) continue;
      this.#record(ignoreComment, suppression.source, suppression.offset, { message });
    }
  }

  result(): LintResult {
    const findings = [...this.#found.values()].sort(
      (a, b) =>
        (this.#order.get(a.file) ?? 0) - (this.#order.get(b.file) ?? 0) ||
        a.line - b.line ||
        a.column - b.column ||
        a.code.localeCompare(b.code),
    );
    const count = (severity: Finding['severity']): number =>
      findings.filter((each) => each.severity === severity).length;
    return {
      findings,
      problems: this.#problems,
      summary: {
        files: this.#order.size,
        objects: this.#objects,
        workloads: this.#workloads.length,
        errors: count('error'),
        warnings: count('warning'),
        infos: count('info'),
        fixable: findings.filter(({ edits }) => edits.length > 0).length,
        suppressed: this.#suppressed,
      },
    };
  }

  #add(rule: Rule, problem: Problem, workload: Workload): void {
    const source = problem.at.tree.source;
    const offset = problem.key === true ? problem.at.keyOffset : problem.at.offset;
    const line = source.place(offset).line;
    const off = this.#suppressions(problem.at, workload, source, line).find((each) => each.names(rule.code, rule.name));
    if (off !== undefined) {
      off.used = true;
      this.#suppressed++;
      return;
    }
    const edits = (problem.edits ?? []).filter((edit) => edit !== undefined);
    this.#record(rule, source, offset, {
      message: problem.message,
      ...(problem.advice === undefined ? {} : { fix: problem.advice }),
      ...(problem.severity === undefined ? {} : { severity: problem.severity }),
      resource: workload.title,
      ...(problem.container === undefined ? {} : { container: problem.container.name }),
      path: problem.at.path,
      edits,
    });
  }

  #record(
    rule: RuleInfo,
    source: Source,
    offset: number,
    details: Partial<Finding> & { readonly message: string },
  ): void {
    const key = `${rule.code}\0${source.file}\0${offset}\0${details.message}`;
    if (this.#found.has(key)) return;
    this.#found.set(key, {
      code: rule.code,
      name: rule.name,
      severity: rule.severity,
      file: source.file,
      ...source.place(offset),
      resource: undefined,
      container: undefined,
      path: '',
      why: rule.why,
      fix: rule.fix,
      source: rule.source,
      edits: [],
      ...details,
    });
  }

  #duplicate(source: Source, { key, first, repeated }: DuplicateKey): void {
    if (!this.#enabled.has(duplicateKey.code)) return;
    const offset = repeated.range?.[0] ?? 0;
    const { line } = source.place(offset);
    const off = (this.#inFile.get(source.file) ?? []).find(
      (each) => each.coversLine(line) && each.names(duplicateKey.code, duplicateKey.name),
    );
    if (off !== undefined) {
      off.used = true;
      this.#suppressed++;
      return;
    }
    this.#record(duplicateKey, source, offset, {
      message: `key "${key}" stands in this mapping already, on line ${source.place(first).line}`,
    });
  }

  #suppressions(at: Cursor, workload: Workload, source: Source, line: number): Suppression[] {
    const inFile = (this.#inFile.get(source.file) ?? []).filter((each) => each.coversLine(line));
    const objects = [workload.resource.root, workload.metadata.parent, objectAround(at)];
    return [...inFile, ...objects.flatMap((object) => (object === undefined ? [] : this.#annotated(object)))];
  }

  #annotated(object: Cursor): readonly Suppression[] {
    const known = this.#inObject.get(object.node);
    if (known !== undefined) return known;
    const annotation = object.at('metadata', 'annotations', IGNORE_ANNOTATION);
    const found = suppressionsOf(annotation.tree.source, annotation.offset, annotation.text ?? '');
    this.#inObject.set(object.node, found);
    return found;
  }
}

function mistakeOf(suppression: Suppression, enabled: ReadonlySet<string>): string | undefined {
  const words = suppression.rules.join(' ');
  if (words === '') return 'prestop-ignore names no rule';
  const codes = suppression.rules.map((word) => ruleNamed(word)?.code);
  const unknown = codes.indexOf(undefined);
  if (unknown !== -1) return `prestop-ignore names ${suppression.rules[unknown]}, which is no rule`;
  if (suppression.reason === '') return `prestop-ignore ${words} gives no reason`;
  // With --rule or --ignore it may well be needed in a full run.
  const judged = codes.every((code) => code !== undefined && enabled.has(code));
  return judged && !suppression.used ? `prestop-ignore ${words} hides nothing` : undefined;
}

/** The object that a place belongs to, inside a List or not. */
function objectAround(at: Cursor): Cursor | undefined {
  let cursor: Cursor | undefined = at;
  while (cursor !== undefined && !(cursor.get('apiVersion').exists && cursor.get('kind').exists))
    cursor = cursor.parent;
  return cursor;
}

function settingsIn(options: LintOptions): Partial<LintSettings> {
  const given = Object.entries(options).filter(([name, value]) => name in DEFAULT_SETTINGS && value !== undefined);
  return Object.fromEntries(given);
}
