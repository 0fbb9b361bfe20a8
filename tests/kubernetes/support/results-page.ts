import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { type Evidence, RESULTS } from './evidence.ts';
import { kubectl } from './kubectl.ts';

/** After all cases: one page of what they have seen, where `PRESTOP_KUBERNETES_RESULTS` says. */
export async function teardown(): Promise<void> {
  const page = process.env['PRESTOP_KUBERNETES_RESULTS'];
  if (page === undefined || !existsSync(RESULTS)) return;
  const files = readdirSync(RESULTS).map((name) => join(RESULTS, name));
  const inOrder = files.toSorted((one, other) => statSync(one).mtimeMs - statSync(other).mtimeMs);
  const evidence = inOrder.map((file) => JSON.parse(readFileSync(file, 'utf8')) as Evidence);
  const chapters = [...new Set(evidence.map(({ chapter }) => chapter))];
  const parts = chapters.map((title) =>
    chapter(
      title,
      evidence.filter((each) => each.chapter === title),
    ),
  );
  writeFileSync(page, `${[await introduction(), ...parts].join('\n').trimEnd()}\n`);
}

async function introduction(): Promise<string> {
  const of = (path: string): Promise<string> =>
    kubectl(['get', 'nodes', '-o', `jsonpath={.items[0].status.nodeInfo.${path}}`]);
  const [kubelet, runtime, kernel] = await Promise.all([
    of('kubeletVersion'),
    of('containerRuntimeVersion'),
    of('kernelVersion'),
  ]);
  return `# The published manifests on a real Kubernetes

Written by \`npm run test:kubernetes -- --publish\` on ${new Date().toISOString().slice(0, 10)}: Kubernetes ${kubelet}, ${runtime},
Linux ${kernel.split('-', 1)[0]}, Node ${process.version} in the images, ${availableParallelism()} processors for the node, the registries and
the callers together. The cases are in [tests/kubernetes/cases](../tests/kubernetes/cases); a figure in brackets is what
was expected. A run of some of the cases renews their rows and leaves the others.
`;
}

function chapter(title: string, evidence: readonly Evidence[]): string {
  const columns = [...new Set(evidence.flatMap(({ figures }) => Object.keys(figures)))];
  const row = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;
  const table = [
    row(['case', ...columns]),
    row(['---', ...columns.map(() => '---')]),
    ...evidence.map((each) => row([each.case, ...columns.map((column) => each.figures[column] ?? '')])),
  ];
  const details = evidence.flatMap(({ case: name, timeline = [] }) =>
    timeline.length === 0 ? [] : [`**${name}**`, '', ...timeline.map((line) => `- ${line}`), ''],
  );
  const folded =
    details.length === 0 ? [] : ['<details><summary>Timelines</summary>', '', ...details, '</details>', ''];
  return [`## ${title}`, '', ...table, '', ...folded].join('\n');
}
