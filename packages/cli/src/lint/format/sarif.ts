import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Location, Log, ReportingDescriptor, Result } from 'sarif';
import { version } from '../../version.ts';
import type { Finding, LintResult } from '../finding.ts';
import type { RuleInfo, Severity } from '../rule.ts';
import { RULES } from '../rules/index.ts';

const LEVELS: Readonly<Record<Severity, 'error' | 'warning' | 'note'>> = {
  error: 'error',
  warning: 'warning',
  info: 'note',
};

/** SARIF 2.1.0, for code scanning. Files are relative to the folder the command ran in (`%SRCROOT%`). */
export function formatSarif(result: LintResult): string {
  const log: Log = {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'prestop',
            version: version(),
            informationUri: 'https://www.npmjs.com/package/prestop',
            rules: RULES.map(ruleOf),
          },
        },
        columnKind: 'utf16CodeUnits',
        originalUriBaseIds: { '%SRCROOT%': { description: { text: 'The folder in which prestop lint ran.' } } },
        invocations: [
          {
            executionSuccessful: result.problems.length === 0,
            toolExecutionNotifications: result.problems.map((problem) => ({
              level: 'error',
              message: { text: problem.message },
              locations: [location(problem)],
            })),
          },
        ],
        results: result.findings.map(resultOf),
      },
    ],
  };
  return `${JSON.stringify(log, null, 2)}\n`;
}

function ruleOf(rule: RuleInfo): ReportingDescriptor {
  return {
    id: rule.code,
    name: rule.name,
    shortDescription: { text: rule.summary },
    fullDescription: { text: rule.why },
    help: { text: `${rule.why} ${rule.fix}` },
    helpUri: rule.source,
    defaultConfiguration: { level: LEVELS[rule.severity] },
  };
}

function resultOf(finding: Finding): Result {
  return {
    ruleId: finding.code,
    ruleIndex: RULES.findIndex(({ code }) => code === finding.code),
    level: LEVELS[finding.severity],
    message: { text: `${finding.message}. Fix: ${finding.fix}` },
    locations: [
      {
        ...location(finding),
        logicalLocations: [
          {
            fullyQualifiedName: [finding.resource, finding.path]
              .filter((part) => part !== undefined && part !== '')
              .join(' '),
          },
        ],
      },
    ],
    // Line numbers move with every edit; what is wrong, and where in the object, does not.
    partialFingerprints: { 'prestop/v1': `${finding.code}:${finding.resource ?? finding.file}:${finding.path}` },
  };
}

function location({ file, line, column }: { file: string; line: number; column: number }): Location {
  const artifactLocation = isAbsolute(file)
    ? { uri: pathToFileURL(file).href }
    : { uri: file.split('/').map(encodeURIComponent).join('/'), uriBaseId: '%SRCROOT%' };
  return { physicalLocation: { artifactLocation, region: { startLine: line, startColumn: column } } };
}
