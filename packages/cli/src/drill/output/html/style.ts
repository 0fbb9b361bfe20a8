/** Colours are checked against WCAG 2.2 AA in both schemes by a test in a real browser; no meaning is in colour alone. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --back: #ffffff; --raised: #f5f7f9; --line: #c9d1d9; --text: #1b2127; --muted: #535d67;
  --others: #75879a; --before: #2563a8; --late: #b35900; --lost: #c01c2e; --good: #17693a; --warn: #8a5300;
  --hook: #cfe3f7; --signal: #e4d8f5; --even: #dde6ee; --odd: #eef2f6; --hatch: rgb(255 255 255 / 45%);
}
@media (prefers-color-scheme: dark) {
  :root {
    --back: #0f1418; --raised: #182027; --line: #36424d; --text: #e4eaf0; --muted: #a2aeba;
    --others: #5f7386; --before: #5b9fe8; --late: #eda03f; --lost: #ff7883; --good: #5fcf8b; --warn: #eab566;
    --hook: #1e3a55; --signal: #3a2c55; --even: #27333e; --odd: #1d2730; --hatch: rgb(15 20 24 / 45%);
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
main, header, footer { max-width: 1080px; margin: 0 auto; padding: 0 20px; }
header { padding-top: 28px; }
footer { padding-bottom: 40px; color: var(--muted); font-size: 13px; }
h1 { font-size: 24px; line-height: 1.25; margin: 0 0 6px; overflow-wrap: anywhere; }
h2 { font-size: 19px; margin: 36px 0 4px; padding-top: 18px; border-top: 1px solid var(--line); }
h3 { font-size: 15px; margin: 20px 0 6px; overflow-wrap: anywhere; }
p { margin: 0 0 10px; }
.lead { font-size: 17px; }
.muted { color: var(--muted); }
code { font: 13px/1.4 ui-monospace, monospace; overflow-wrap: anywhere; }
.verdict { display: inline-block; padding: 1px 10px; border: 2px solid currentColor; border-radius: 4px; font-weight: 650; font-size: 14px; white-space: nowrap; vertical-align: middle; }
.passed, .pass { color: var(--good); }
.failed, .fail { color: var(--lost); }
.inconclusive, .warn { color: var(--warn); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 16px; margin: 14px 0; }
dt { color: var(--muted); }
dd { margin: 0; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
table.wide { min-width: 44rem; }
table { border-collapse: collapse; margin: 6px 0 14px; font-variant-numeric: tabular-nums; }
caption { text-align: start; color: var(--muted); padding-bottom: 4px; }
th, td { text-align: start; vertical-align: top; padding: 4px 14px 4px 0; border-bottom: 1px solid var(--line); }
th { font-weight: 600; }
td.number, th.number { text-align: end; }
ul.checks { list-style: none; padding: 0; margin: 8px 0 14px; }
ul.checks li { padding: 2px 0 2px 24px; position: relative; }
ul.checks .shape { position: absolute; left: 2px; font-weight: 700; }
figure { margin: 12px 0 6px; }
figcaption { margin-bottom: 4px; font-weight: 600; overflow-wrap: anywhere; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 18px; list-style: none; padding: 0; margin: 4px 0 0; font-size: 13px; color: var(--muted); }
.legend svg { width: 14px; height: 12px; margin-right: 6px; vertical-align: -1px; }
details { margin: 6px 0 14px; }
summary { cursor: pointer; color: var(--muted); }
a, summary { outline-offset: 3px; }
svg.chart { display: block; width: 100%; min-width: 640px; height: auto; background: var(--raised); border-radius: 6px; font: 11px system-ui, sans-serif; }
.chart text { fill: var(--text); }
.chart .tick, .chart .lane-name { fill: var(--muted); }
.grid { stroke: var(--line); }
.axis { stroke: var(--muted); }
path.others, rect.others { fill: var(--others); }
path.before, rect.before { fill: var(--before); }
path.late, rect.late { fill: var(--late); }
path.lost, rect.lost { fill: var(--lost); }
.hatch { fill: var(--hatch); }
.cross { stroke: var(--lost); stroke-width: 2; fill: none; }
.bar { stroke: var(--line); }
.bar.hook { fill: var(--hook); }
.bar.after-signal { fill: var(--signal); }
.bar.phase.even { fill: var(--even); }
.bar.phase.odd { fill: var(--odd); }
.mark { stroke: var(--text); stroke-width: 1; }
.mark.list, .mark.late, .mark.hook { stroke: var(--muted); stroke-dasharray: 2 3; }
.mark.kill { stroke: var(--lost); stroke-width: 2; }
.chart .mark-label { font-weight: 600; }
.chart .mark-label.list, .chart .mark-label.late, .chart .mark-label.hook { fill: var(--muted); font-weight: 400; }
.chart .mark-label.kill { fill: var(--lost); }
.hover { fill: transparent; }
.hover:hover { fill: var(--text); fill-opacity: 0.12; }
@media (max-width: 640px) { dl { grid-template-columns: 1fr; } dd { margin-bottom: 6px; } }
@media print { :root { color-scheme: light; } details { display: none; } section { break-inside: avoid; } }
`;
