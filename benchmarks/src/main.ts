import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { claims } from './claims.ts';
import { CONTESTANTS } from './contestants.ts';
import { idleMemory } from './cost/idle-memory.ts';
import { requestPath } from './cost/request-path.ts';
import { machine } from './machine.ts';
import { page } from './page.ts';
import { type Results, type Section, serialized } from './results.ts';
import { PROTOCOLS, rollouts } from './rollout.ts';
import { importTimes } from './startup/import-time.ts';
import { installSizes } from './startup/install-size.ts';

const USAGE = `npm run bench -- [rollout] [cost] [startup] [--quick] [--only CONTESTANTS]

  rollout   lost requests and time to exit in a rolling update, about 25 minutes
  cost      what a request and an idle connection cost, about half an hour, for which the machine has to be idle
  startup   import time, packages, size
  --quick   a little of everything, to see that it works; nothing is written but to .cache/bench
  --only    prestop and these, by commas: ${CONTESTANTS.map(({ id }) => id).join(', ')}`;

/** How much of everything. */
const SIZES = {
  full: {
    lagsSeconds: [0.2, 1, 2, 5, 10],
    protocols: PROTOCOLS,
    repeats: 2,
    longestDelaySeconds: 10,
    atOnce: 5,
    generations: { express: 20, http: 6 },
    rounds: 60,
    windowMs: 20,
    warmUpRequests: 8_000,
    connections: 10_000,
    samples: 15,
  },
  quick: {
    lagsSeconds: [1],
    protocols: PROTOCOLS,
    repeats: 1,
    longestDelaySeconds: 0,
    atOnce: 4,
    generations: { express: 2, http: 2 },
    rounds: 40,
    windowMs: 10,
    warmUpRequests: 1_000,
    connections: 500,
    samples: 3,
  },
} as const;

const PARTS = ['rollout', 'cost', 'startup'] as const;
type Part = (typeof PARTS)[number];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  },
});
const only = values.only?.split(',');
const wrong =
  positionals.find((name) => !PARTS.some((part) => part === name)) ??
  only?.find((id) => !CONTESTANTS.some((contestant) => contestant.id === id));
if (values.help || wrong !== undefined) {
  console.log(wrong === undefined ? USAGE : `there is no "${wrong}"\n\n${USAGE}`);
  process.exit(wrong === undefined ? 0 : 2);
}

const root = fileURLToPath(new URL('../..', import.meta.url));
const draft = values.quick || only !== undefined;
const folder = resolve(root, draft ? '.cache/bench' : 'benchmarks');
const known = resolve(folder, 'results.json');
const written = resolve(folder, 'RESULTS.md');

const size = SIZES[values.quick ? 'quick' : 'full'];
const contestants = CONTESTANTS.filter(({ id }) => only === undefined || id.startsWith('prestop') || only.includes(id));
const onProgress = (line: string): void => console.error(`  ${line}`);
const options = { ...size, contestants, onProgress };
const command = ['npm run bench', ...(process.argv.length > 2 ? ['--', ...process.argv.slice(2)] : [])].join(' ');
const section = <Row>(rows: readonly Row[]): Section<Row> => ({ machine: machine(), rows, command });

const RUN: Readonly<Record<Part, () => Promise<Partial<Results>>>> = {
  startup: async () => ({
    install: section(installSizes(contestants)),
    imports: section(importTimes(contestants, size.samples, onProgress)),
  }),
  cost: async () => ({ memory: section(await idleMemory(options)), requestPath: section(await requestPath(options)) }),
  rollout: async () => ({ rollout: section(await rollouts(options)) }),
};

// Parts that are not run this time keep their figures.
let results = draft ? {} : earlier();
for (const part of ['startup', 'cost', 'rollout'] as const) {
  if (positionals.length > 0 && !positionals.includes(part)) continue;
  console.error(part);
  results = { ...results, ...(await RUN[part]()) };
  mkdirSync(folder, { recursive: true });
  writeFileSync(known, serialized(results));
  writeFileSync(written, page(results));
}
console.log(`written: ${written}`);
for (const { claim, holds, detail } of claims(results)) console.log(`${holds ? 'yes' : 'NO '}  ${claim}: ${detail}`);
// The figures of a draft prove nothing, so they fail nothing.
if (!draft && claims(results).some(({ holds }) => !holds)) process.exitCode = 1;

function earlier(): Results {
  try {
    return JSON.parse(readFileSync(known, 'utf8')) as Results;
  } catch {
    return {};
  }
}
