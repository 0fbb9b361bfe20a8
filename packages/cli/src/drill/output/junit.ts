import { DrillError } from '../errors.ts';
import type { DrillReport } from '../report.ts';
import type { CaseResult, Check, ServiceResult } from '../result.ts';
import { momentTime } from './moments.ts';

const TITLE = 'prestop drill';

/**
 * JUnit XML as CI systems read it: a suite for each case, a test case for each check. A drill that did not put the
 * service to the test counts as a failure; a warning is printed and passes. A service that is only compared decides
 * nothing and is not in it.
 */
export function junitReport(report: DrillReport): string {
  return documentOf(report.services.slice(0, 1).flatMap((service) => suitesOf(service, report)));
}

/** A drill without a result: an error, where the file of an earlier drill would be taken for this one's. */
export function junitError(problem: Error): string {
  const { message } = problem;
  const { code, hint } = problem instanceof DrillError ? problem : { code: 'internal-error', hint: undefined };
  const text = escaped([message, ...(hint === undefined ? [] : [hint])].join('\n'));
  const error = `<error type="${code}" message="${escaped(message)}">${text}</error>`;
  return documentOf([
    `  <testsuite name="${TITLE}" tests="1" failures="0" errors="1" skipped="0">\n    <testcase classname="${TITLE}" name="has a result">${error}</testcase>\n  </testsuite>\n`,
  ]);
}

function documentOf(suites: readonly string[]): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="${TITLE}">\n${suites.join('')}</testsuites>\n`;
}

function suitesOf(service: ServiceResult, { startedAt, settings }: DrillReport): string[] {
  const suites = service.cases.map((result) => {
    const failures = result.checks.filter(fails).length;
    const seconds = (result.tally.elapsedMs / 1000).toFixed(3);
    const attributes = `${named(service, result.case)} tests="${result.checks.length}" failures="${failures}" errors="0" skipped="0" time="${seconds}" timestamp="${startedAt.slice(0, 19)}"`;
    const properties = `    <properties>\n${property('seed', settings.seed)}${property('schedule', result.schedule)}${property('lag', settings.lag)}${property('hook', service.hook)}    </properties>\n`;
    const cases = result.checks.map((check) => testCase(service, result, check)).join('');
    return `  <testsuite ${attributes}>\n${properties}${cases}  </testsuite>\n`;
  });
  const skipped = service.skipped.map(
    ({ case: name, why }) =>
      `  <testsuite ${named(service, name)} tests="1" failures="0" errors="0" skipped="1">\n    <testcase classname="${escaped(service.title)}" name="${name}"><skipped message="${escaped(why)}"/></testcase>\n  </testsuite>\n`,
  );
  return [...suites, ...skipped];
}

function testCase(service: ServiceResult, result: CaseResult, check: Check): string {
  const { id, title, outcome, detail, remedy } = check;
  const open = `    <testcase classname="${escaped(`${service.title} ${result.case}`)}" name="${escaped(title)}" time="0">`;
  const text = [detail, ...(remedy === undefined ? [] : [remedy]), ...(id === 'answered' ? lossLines(result) : [])];
  const body = escaped(text.join('\n'));
  if (fails(check))
    return `${open}\n      <failure type="${escaped(id)}" message="${escaped(detail)}">${body}</failure>\n    </testcase>\n`;
  return outcome === 'warn' ? `${open}<system-out>${body}</system-out></testcase>\n` : `${open}</testcase>\n`;
}

function fails({ id, outcome }: Check): boolean {
  return outcome === 'fail' || (id === 'tested' && outcome === 'warn');
}

function lossLines({ losses }: CaseResult): string[] {
  return losses.flatMap(({ count, what, examples }) => [
    `${count}: ${what}`,
    ...examples.map(({ method, path, sentMs, cause }) => `  ${method} ${path} at ${momentTime(sentMs)}: ${cause}`),
  ]);
}

function named(service: ServiceResult, name: string): string {
  return `name="${escaped(`${service.title}: ${name}`)}"`;
}

function property(name: string, value: string | number): string {
  return `      <property name="${name}" value="${escaped(String(value))}"/>\n`;
}

/** Text and attributes of XML 1.0, which cannot carry most control characters at all. */
function escaped(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what has to go.
  const legal = text.replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd');
  return legal.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
