import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { CONTESTANTS } from './contestants.ts';
import { idleMemory } from './cost/idle-memory.ts';
import { importTimes } from './cost/import-time.ts';
import { installSizes } from './cost/install-size.ts';
import { requestPath } from './cost/request-path.ts';
import { machine } from './machine.ts';
import { claims, markdown, type Results, type Section } from './results.ts';
import { PROTOCOLS, rollouts } from './rollout.ts';

const FOLDER = fileURLToPath(new URL('..', import.meta.url));

const PARTS = ['rollout', 'requestPath', 'memory', 'imports', 'install'] as const;

type Part = (typeof PARTS)[number];

/** How much of everything. `--quick` shows that it works; its figures mean nothing. */
const SIZES = {
  full: {
    lagsSeconds: [0.2, 1, 2, 5, 10],
    protocols: PROTOCOLS,
    repeats: 3,
    longestDelaySeconds: 10,
    rounds: 30,
    windowMs: 500,
    warmUpMs: 3_000,
    connections: 10_000,
    samples: 15,
  },
  quick: {
    lagsSeconds: [0.5],
    protocols: PROTOCOLS.slice(0, 1),
    repeats: 1,
    longestDelaySeconds: 0,
    rounds: 2,
    windowMs: 100,
    warmUpMs: 200,
    connections: 200,
    samples: 1,
  },
} as const;

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: [] },
    contestants: { type: 'string', multiple: true, default: [] },
    repeats: { type: 'string' },
    rounds: { type: 'string' },
    'at-once': { type: 'string', default: '3' },
    out: { type: 'string', default: join(FOLDER, 'RESULTS.md') },
    data: { type: 'string', default: join(FOLDER, '../.cache/bench/results.json') },
  },
});

const size = SIZES[values.quick ? 'quick' : 'full'];
const only = values.only.flatMap((names) => names.split(','));
for (const name of only) {
  if (!PARTS.some((part) => part === name)) throw new Error(`--only must be one of ${PARTS.join(', ')}, not "${name}"`);
}
const chosen = values.contestants.flatMap((names) => names.split(','));
for (const id of chosen)
  if (!CONTESTANTS.some((each) => each.id === id)) throw new Error(`there is no contestant "${id}"`);
const contestants = CONTESTANTS.filter(({ id }) => chosen.length === 0 || chosen.includes(id));
const wanted = (part: Part): boolean => only.length === 0 || only.includes(part);
const onProgress = (line: string): void => console.error(`  ${line}`);
const command = `npm run bench${process.argv.length > 2 ? ` -- ${process.argv.slice(2).join(' ')}` : ''}`;
const section = <Row>(rows: readonly Row[]): Section<Row> => ({ machine: machine(), rows, command });

// Parts that are not run this time keep their figures.
const data = resolve(values.data);
let results: Results = values.quick ? {} : known(data);

const runs: Readonly<Record<Part, () => Promise<Partial<Results>>>> = {
  install: async () => ({ install: section(installSizes(contestants)) }),
  imports: async () => ({ imports: section(importTimes(contestants, size.samples, onProgress)) }),
  memory: async () => ({
    memory: section(await idleMemory({ contestants, connections: size.connections, onProgress })),
  }),
  requestPath: async () => {
    const rounds = Number(values.rounds ?? size.rounds);
    const { windowMs, warmUpMs } = size;
    return { requestPath: section(await requestPath({ contestants, rounds, windowMs, warmUpMs, onProgress })) };
  },
  rollout: async () => {
    const repeats = Number(values.repeats ?? size.repeats);
    const { lagsSeconds, protocols, longestDelaySeconds } = size;
    const atOnce = Number(values['at-once']);
    return {
      rollout: section(
        await rollouts({ contestants, lagsSeconds, protocols, longestDelaySeconds, repeats, atOnce, onProgress }),
      ),
    };
  },
};

for (const part of ['install', 'imports', 'memory', 'requestPath', 'rollout'] as const) {
  if (!wanted(part)) continue;
  console.error(part);
  results = { ...results, ...(await runs[part]()) };
  mkdirSync(join(data, '..'), { recursive: true });
  writeFileSync(data, JSON.stringify(results));
  writeFileSync(resolve(values.out), markdown(results));
}

for (const { claim, holds, detail } of claims(results))
  console.log(`${holds ? 'holds' : 'FAILS'}: ${claim} (${detail})`);
// The figures of a quick run prove nothing, so they fail nothing.
if (!values.quick && claims(results).some(({ holds }) => !holds)) process.exitCode = 1;

function known(file: string): Results {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Results;
  } catch {
    return {};
  }
}
