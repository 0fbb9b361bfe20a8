import { showDuration } from '../../duration.ts';
import type { DrillReport } from '../../report.ts';
import type { CaseResult, Check, FaultResult, PodResult, ServiceResult, Verdict } from '../../result.ts';
import { momentsOf, momentTime } from '../moments.ts';
import { count, counted, OUTCOME_MARKS, VERDICT_WORDS } from '../words.ts';
import { chart } from './chart.ts';
import { html, Markup } from './escape.ts';
import { STYLE } from './style.ts';
import { peakOf, spanOf, type TimeLine, timeLineOf } from './time-line.ts';

/** One page that needs nothing but itself: no script, nothing loaded, readable in light and dark and on paper. */
export function htmlReport(report: DrillReport): string {
  const { services, verdict } = report;
  const [first] = services;
  const title = services.map((service) => service.title).join(' beside ');
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${VERDICT_WORDS[verdict]}: ${title}</title>
<style>${new Markup(STYLE)}</style>
</head>
<body>
<header>
<h1>${title}</h1>
<p class="lead">${verdictMark(verdict)} ${first === undefined ? undefined : summaryOf(first)}</p>
${facts(report)}
${services.length > 1 ? comparison(services) : undefined}
</header>
<main>
${casesOf(services).map((name) => caseSection(name, services))}
${skipped(services)}
</main>
<footer><p>prestop drill ${report.toolVersion}, ${report.startedAt}, ${showDuration(report.durationMs)}; node ${report.machine.node}, ${report.machine.platform} ${report.machine.arch}, ${counted(report.machine.cpus, 'processor')}.</p></footer>
</body>
</html>
`;
  return page.text;
}

function verdictMark(verdict: Verdict): Markup {
  const mark =
    verdict === 'passed' ? OUTCOME_MARKS.pass : verdict === 'failed' ? OUTCOME_MARKS.fail : OUTCOME_MARKS.warn;
  return html`<strong class="verdict ${verdict}">${mark} ${VERDICT_WORDS[verdict]}</strong>`;
}

function summaryOf({ cases }: ServiceResult): string {
  const sum = (of: (result: CaseResult) => number): number => cases.reduce((total, result) => total + of(result), 0);
  const lost = sum(({ tally }) => tally.lostCount);
  const sent = sum(({ tally }) => tally.sent);
  const late = sum(({ pods }) => pods.reduce((total, pod) => total + pod.late.count, 0));
  const exits = cases.flatMap(({ pods }) => pods.map(({ timeline }) => timeline.exitedAtMs ?? 0));
  const longest = Math.max(0, ...exits);
  const exit = longest === 0 ? '' : `; at most ${showDuration(longest)} from stop to exit`;
  return `${count(lost)} of ${counted(sent, 'request')} lost; ${count(late)} were sent to a pod that was being stopped${exit}.`;
}

function facts({ settings, services }: DrillReport): Markup {
  const requests = settings.requests.slice(0, 8).map(({ request }) => request);
  const more = settings.requests.length - requests.length;
  const rows: readonly (readonly [string, string])[] = [
    // Of two that are compared, the table below says it.
    ...(services.length > 1 ? [] : services.map(({ hook }) => ['Hook', hook] as const)),
    ['Grace period', `${settings.graceSeconds} s`],
    ['Callers', `${settings.callers} (${settings.clients.join(', ')}), which learn ${settings.lag}`],
    ['Requests', `${requests.join(', ')}${more > 0 ? ` and ${more} more` : ''}`],
    ['Discovery', settings.discovery === 'file' ? 'file registry' : 'endpoints, as Kubernetes keeps them'],
    ...(settings.faults.length > 0 ? [['Faults', settings.faults.join(', ')] as const] : []),
    ['Schedule', `${settings.schedule}, from seed ${settings.seed}`],
  ];
  return html`<dl>${rows.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`;
}

function comparison(services: readonly ServiceResult[]): Markup {
  return html`<div class="scroll" tabindex="0" role="group" aria-label="Comparison"><table class="wide">
<caption>Side by side, at the same time on the same machine, with the same schedule</caption>
<thead><tr><th scope="col">Service</th><th scope="col">Hook</th><th scope="col">Case</th><th scope="col">Verdict</th><th scope="col" class="number">Requests</th><th scope="col" class="number">Late</th><th scope="col" class="number">Lost</th><th scope="col" class="number">To exit</th></tr></thead>
<tbody>${services.flatMap((service) =>
    service.cases.map(
      ({ case: name, verdict, tally, pods }) =>
        html`<tr><th scope="row"><code>${service.title}</code></th><td>${service.hook}</td><td>${name}</td><td>${verdictMark(verdict)}</td><td class="number">${count(tally.sent)}</td><td class="number">${count(lateOf(pods))}</td><td class="number">${count(tally.lostCount)}</td><td class="number">${exitOf(pods)}</td></tr>`,
    ),
  )}</tbody></table></div>`;
}

function casesOf(services: readonly ServiceResult[]): string[] {
  return [...new Set(services.flatMap(({ cases }) => cases.map((result) => result.case)))];
}

interface Shown {
  readonly service: ServiceResult;
  readonly result: CaseResult;
  readonly line: TimeLine;
}

function caseSection(name: string, services: readonly ServiceResult[]): Markup {
  const shown: Shown[] = services.flatMap((service) =>
    service.cases
      .filter((result) => result.case === name)
      .map((result) => ({ service, result, line: timeLineOf(result) })),
  );
  const lines = shown.map(({ line }) => line);
  const options = { span: spanOf(lines), peak: peakOf(lines) };
  const several = shown.length > 1;
  return html`<section aria-labelledby="case-${name}">
<h2 id="case-${name}">${name}</h2>
<p class="muted">${shown[0]?.result.summary}</p>
${shown.map(({ service, result, line }, index) => {
  const id = `chart-${name}-${index}`;
  return html`<figure><figcaption>${several ? html`<code>${service.title}</code> ` : undefined}${verdictMark(result.verdict)}</figcaption><div class="scroll" tabindex="0" role="group" aria-label="Time line of ${service.title}, ${name}">${chart(result, line, { id, title: `${service.title}: ${name}`, ...options })}</div></figure>`;
})}
${legend(name)}
${shown.map(({ service, result, line }) => html`${several ? html`<h3><code>${service.title}</code></h3>` : undefined}${checks(result)}${losses(result)}${faults(result.faults)}${moments(result.pods, service.title)}${numbers(line, service.title)}`)}
</section>`;
}

function legend(name: string): Markup {
  const id = `legend-${name}-late`;
  return html`<ul class="legend" aria-label="Legend">
<li><svg viewBox="0 0 14 12" aria-hidden="true"><rect class="others" width="14" height="12"/></svg>answered by other pods</li>
<li><svg viewBox="0 0 14 12" aria-hidden="true"><rect class="before" width="14" height="12"/></svg>answered by the pod before the stop, or after it was back</li>
<li><svg viewBox="0 0 14 12" aria-hidden="true"><defs><pattern id="${id}" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="6" height="6" class="late"/><rect width="2" height="6" class="hatch"/></pattern></defs><rect width="14" height="12" style="fill:url(#${id})"/></svg>late: sent to it after the stop began, and answered</li>
<li><svg viewBox="0 0 14 12" aria-hidden="true"><path class="cross" d="M4 3L10 9M4 9L10 3"/></svg>lost</li>
</ul>`;
}

function checks({ checks: list }: CaseResult): Markup {
  return html`<ul class="checks">${list.map(checkItem)}</ul>`;
}

const OUTCOME_WORDS = { pass: 'Holds', fail: 'Does not hold', warn: 'Worth knowing' } as const;

function checkItem({ outcome, title, detail, remedy }: Check): Markup {
  return html`<li><span class="shape ${outcome}" role="img" aria-label="${OUTCOME_WORDS[outcome]}">${OUTCOME_MARKS[outcome]}</span> ${title}: ${detail}${remedy === undefined ? undefined : html`<br><span class="muted">${remedy}</span>`}</li>`;
}

function losses({ losses: list }: CaseResult): Markup | undefined {
  if (list.length === 0) return undefined;
  return html`<div class="scroll" tabindex="0" role="group" aria-label="Lost requests"><table class="wide">
<caption>Lost requests, by why</caption>
<thead><tr><th scope="col" class="number">Lost</th><th scope="col">Why, and what helps</th><th scope="col">Sent between</th><th scope="col">For example</th></tr></thead>
<tbody>${list.map(
    ({ count: lost, what, remedy, firstMs, lastMs, examples }) =>
      html`<tr><th scope="row" class="number">${count(lost)}</th><td>${what}<br><span class="muted">${remedy}</span></td><td>${momentTime(firstMs)} and ${momentTime(lastMs)}</td><td>${examples.slice(0, 3).map(({ method, path, cause, client, sentMs, requestOnConnection: nth }) => html`<div><code>${method} ${path}</code> at ${momentTime(sentMs)}: <code>${cause}</code> <span class="muted">${client}, ${nth === 0 ? 'no connection' : `request ${nth} on its connection`}</span></div>`)}</td></tr>`,
  )}</tbody></table></div>`;
}

function faults(list: readonly FaultResult[]): Markup | undefined {
  const rows = list.flatMap(({ name, pod, outcomes }) => outcomes.map((outcome) => ({ name, pod, ...outcome })));
  if (rows.length === 0) return undefined;
  return html`<details><summary>Faults, one by one</summary><div class="scroll" tabindex="0" role="group" aria-label="Faults"><table>
<thead><tr><th scope="col">Fault</th><th scope="col">Pod</th><th scope="col">At</th><th scope="col">Outcome</th></tr></thead>
<tbody>${rows.map(({ name, pod, atMs, ok, detail }) => html`<tr><th scope="row">${name}</th><td>${pod}</td><td>${momentTime(atMs)}</td><td><span class="${ok ? 'pass' : 'fail'}">${ok ? OUTCOME_MARKS.pass : OUTCOME_MARKS.fail}</span> ${detail}</td></tr>`)}</tbody></table></div></details>`;
}

function moments(pods: readonly PodResult[], service: string): Markup {
  return html`<div class="scroll" tabindex="0" role="group" aria-label="What happened to ${service}"><table>
<caption>What happened, after the stop began</caption>
<thead><tr><th scope="col">Pod</th><th scope="col" class="number">When</th><th scope="col">What</th></tr></thead>
<tbody>${pods.flatMap((pod) => momentsOf(pod).map(({ atMs, words }) => html`<tr><th scope="row">${pod.name}</th><td class="number">${momentTime(atMs)}</td><td>${words}</td></tr>`))}</tbody></table></div>`;
}

const NUMBERS_EVERY_MS = 500;

/** The picture for those who do not see it, and for those who want to know exactly. */
function numbers({ columns, span }: TimeLine, service: string): Markup {
  const rows = new Map<number, { others: number; before: number; late: number; lost: number }>();
  for (const column of columns) {
    const row = Math.floor(column.fromMs / NUMBERS_EVERY_MS);
    const sum = rows.get(row) ?? { others: 0, before: 0, late: 0, lost: 0 };
    sum.others += column.others;
    sum.before += column.before;
    sum.late += column.late;
    sum.lost += column.lost;
    rows.set(row, sum);
  }
  return html`<details><summary>The picture as numbers</summary><div class="scroll" tabindex="0" role="group" aria-label="Numbers of ${service}"><table>
<caption>Requests sent in each half second, ${momentTime(span.fromMs)} to ${momentTime(span.toMs)}</caption>
<thead><tr><th scope="col" class="number">From</th><th scope="col" class="number">Other pods</th><th scope="col" class="number">Pod</th><th scope="col" class="number">Late</th><th scope="col" class="number">Lost</th></tr></thead>
<tbody>${[...rows].map(([row, { others, before, late, lost }]) => html`<tr><th scope="row" class="number">${momentTime(row * NUMBERS_EVERY_MS)}</th><td class="number">${others}</td><td class="number">${before}</td><td class="number">${late}</td><td class="number">${lost}</td></tr>`)}</tbody></table></div></details>`;
}

function skipped(services: readonly ServiceResult[]): Markup | undefined {
  const rows = services.flatMap(({ title, skipped: list }) => list.map((each) => ({ title, ...each })));
  if (rows.length === 0) return undefined;
  return html`<section aria-labelledby="skipped"><h2 id="skipped">Not run</h2><ul>${rows.map(({ title, case: name, why }) => html`<li><code>${title}</code>, ${name}: ${why}</li>`)}</ul></section>`;
}

function lateOf(pods: readonly PodResult[]): number {
  return pods.reduce((sum, pod) => sum + pod.late.count, 0);
}

function exitOf(pods: readonly PodResult[]): string {
  const longest = Math.max(0, ...pods.map(({ timeline }) => timeline.exitedAtMs ?? 0));
  return longest === 0 ? 'goes on' : showDuration(longest);
}
