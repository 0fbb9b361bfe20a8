import { seededRandom, shuffled } from '@prestop/testkit';
import type { Contestant } from '../contestants.ts';
import { type Estimate, estimate } from '../statistics.ts';
import { type Framework, Generator, MeasuredServer } from './child.ts';
import type { GeneratorAnswer } from './generator.ts';

export interface RequestPathOptions {
  readonly contestants: readonly Contestant[];
  /** How often all processes are started anew: two processes of the same code are not equally fast. */
  readonly generations: number;
  /** Measurements of each library in a generation. */
  readonly rounds: number;
  /** Length of one measurement, in milliseconds. */
  readonly windowMs: number;
  /** Requests that each process answers before it is measured: Node compiles for several seconds of Express. */
  readonly warmUpRequests: number;
  readonly onProgress: (line: string) => void;
}

/** What a library costs on the path of a request, against the same service without it. */
export interface RequestPathRow {
  readonly contestant: string;
  readonly title: string;
  readonly framework: Framework;
  /** Processor time of a request, with the library divided by without. */
  readonly cpu: Estimate;
  /** Requests a second, likewise. */
  readonly throughput: Estimate;
}

const CONNECTIONS = 32;
const WARM_UP_MS = 250;
const BARE = 'none';
/** How far apart two equal services are measured. */
const CONTROL = { id: 'control', title: '(the same again, for comparison)' };
/** What any middleware costs, and ours, which is there for probes on the application's port and for `drainSignal`. */
const MIDDLEWARES = [
  { id: 'middleware', title: '(a middleware that does nothing, for comparison)' },
  { id: 'prestop-express', title: 'prestop, with its Express middleware' },
];

/** Costs on Express and on bare `node:http`. */
export async function requestPath(options: RequestPathOptions): Promise<RequestPathRow[]> {
  const rows: RequestPathRow[] = [];
  for (const framework of ['express', 'http'] as const) rows.push(...(await costsOn(framework, options)));
  return rows;
}

/**
 * All services are up beside each other, started and warmed up in an order of their own. A round measures each of them once
 * for a short time, in yet another order, and gives one ratio for each library, so that a machine that slows down slows all.
 */
async function costsOn(framework: Framework, options: RequestPathOptions): Promise<RequestPathRow[]> {
  const { contestants, generations, rounds, onProgress } = options;
  const libraries = [
    CONTROL,
    ...contestants.filter(({ onRequestPath }) => onRequestPath),
    ...(framework === 'express' ? MIDDLEWARES : []),
  ];
  const ratios = libraries.map(() => ({ cpu: [] as number[][], throughput: [] as number[][] }));
  for (let generation = 0; generation < generations; generation++) {
    const measured = await oneGeneration(framework, [BARE, ...libraries.map(({ id }) => id)], generation, options);
    const [bare = [], ...others] = measured;
    for (const [index, windows] of others.entries()) {
      ratios[index]?.cpu.push(windows.map((window, round) => window.cpuUs / (bare[round]?.cpuUs ?? Number.NaN)));
      ratios[index]?.throughput.push(windows.map((window, round) => window.rate / (bare[round]?.rate ?? Number.NaN)));
    }
    onProgress(`${framework}: ${(generation + 1) * rounds} rounds of ${generations * rounds}`);
  }
  return libraries.map(({ id, title }, index) => {
    const { cpu = [], throughput = [] } = ratios[index] ?? {};
    const row = { contestant: id, title, framework, cpu: estimate(cpu), throughput: estimate(throughput) };
    onProgress(`${framework}, ${title}: processor time × ${row.cpu.median.toFixed(3)}`);
    return row;
  });
}

/** One measurement: microseconds of processor time for a request, and requests a millisecond. */
interface Window {
  readonly cpuUs: number;
  readonly rate: number;
}

/** The windows of each service, round by round. */
async function oneGeneration(
  framework: Framework,
  libraries: readonly string[],
  generation: number,
  { rounds, windowMs, warmUpRequests }: RequestPathOptions,
): Promise<Window[][]> {
  const random = seededRandom(generation);
  const generator = new Generator();
  const servers = new Map<string, MeasuredServer>();
  try {
    for (const library of shuffled(libraries, random)) {
      servers.set(library, await MeasuredServer.start(framework, library === CONTROL.id ? BARE : library));
    }
    await warmUp([...servers.values()], generator, warmUpRequests, random);
    const windows = libraries.map((): Window[] => []);
    for (let round = 0; round < rounds; round++) {
      for (const [library, server] of shuffled([...servers], random)) {
        windows[libraries.indexOf(library)]?.push(await windowOf(server, generator, windowMs));
      }
    }
    return windows;
  } finally {
    for (const child of [generator, ...servers.values()]) child.end();
  }
}

/** In turn, as they are measured: a process that has waited for the others to warm up is not as warm as the last of them. */
async function warmUp(
  servers: readonly MeasuredServer[],
  generator: Generator,
  requests: number,
  random: () => number,
): Promise<void> {
  const answered = new Map(servers.map((server) => [server, 0]));
  const cold = (): MeasuredServer[] => servers.filter((server) => (answered.get(server) ?? 0) < requests);
  for (let next = cold(); next.length > 0; next = cold()) {
    for (const server of shuffled(next, random)) {
      const { requests: more } = await load(server, generator, WARM_UP_MS);
      answered.set(server, (answered.get(server) ?? 0) + more);
    }
  }
}

function load({ port }: MeasuredServer, generator: Generator, ms: number): Promise<GeneratorAnswer> {
  return generator.run({ load: { port, connections: CONNECTIONS, ms } });
}

async function windowOf(server: MeasuredServer, generator: Generator, ms: number): Promise<Window> {
  const before = await server.cpuUs();
  const { requests, ms: tookMs } = await load(server, generator, ms);
  return { cpuUs: ((await server.cpuUs()) - before) / requests, rate: requests / tookMs };
}
