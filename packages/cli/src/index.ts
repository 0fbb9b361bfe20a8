export { run } from './cli.ts';
export { defaultReserve, KUBERNETES_DEFAULTS, SDK_DEFAULTS } from './defaults.ts';
export { CLI_ERROR_CODES, CliError, type CliErrorCode } from './errors.ts';
export { EXIT, HOOK_EXIT, type HookExitCode } from './exit-codes.ts';
export {
  callPoststart,
  callPrestop,
  type HookOptions,
  type HookResult,
  ON_TIMEOUT,
  type OnTimeout,
  type PoststartOptions,
} from './hook/hook.ts';
export type { Io, Output } from './io.ts';
export type { Finding, LintResult, LintSummary } from './lint/finding.ts';
export { type FixResult, fix } from './lint/fix.ts';
export { FORMATS, type Format, formatResult } from './lint/format/index.ts';
export { type LintInput, type LintOptions, lint } from './lint/lint.ts';
export { type RuleCode, type RuleInfo, SEVERITIES, type Severity } from './lint/rule.ts';
export { RULES } from './lint/rules/index.ts';
export { BUDGET_ANNOTATIONS, IGNORE_ANNOTATION, type LintSettings } from './lint/settings.ts';
export { type ManifestPair, renderManifest } from './manifest/manifest.ts';
export { type ManifestOptions, REGISTRIES, type RegistryName } from './manifest/options.ts';
export type { Account, Remark } from './report/account.ts';
export { explainReport } from './report/explain-report.ts';
export { readAccounts } from './report/read.ts';
export { applyEdits, type TextEdit } from './yaml/edit.ts';
export type { SyntaxProblem } from './yaml/parse.ts';
