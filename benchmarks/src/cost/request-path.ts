import { seededRandom, shuffled } from '@prestop/testkit';
import type { Contestant } from '../contestants.ts';
import { type Estimate, estimate } from '../statistics.ts';
import { type Framework, Generator, MeasuredServer } from './child.ts';
import type { GeneratorAnswer } from './generator.ts';

export interface RequestPathOptions {
  readonly contestants: readonly Contestant[];
  /** How often all processes are started anew: two processes of the same code are not equally fast. */
  readonly generations: number;
  /** How often each library is measured in a generation. */
  readonly rounds: number;
  /** For how long each time, in milliseconds. */
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
/** How many of the bare service are up: what chance does to what all are compared with, it does to every ratio. */
const BARE_COPIES = 3;
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
 * for a moment, in yet another order, so that a machine that slows down slows all: the shorter the moments, the more alike.
 * The moments of a process are added up before it is compared: a collection of garbage falls into few of them.
 */
async function costsOn(framework: Framework, options: RequestPathOptions): Promise<RequestPathRow[]> {
  const { contestants, generations, onProgress } = options;
  const libraries = [
    CONTROL,
    ...contestants.filter(({ onRequestPath }) => onRequestPath),
    ...(framework === 'express' ? MIDDLEWARES : []),
  ];
  const ratios = libraries.map(() => ({ cpu: [] as number[], throughput: [] as number[] }));
  for (let generation = 0; generation < generations; generation++) {
    const measured = await oneGeneration(
      framework,
      libraries.map(({ id }) => id),
      generation,
      options,
    );
    const [bare, ...others] = measured;
    for (const [index, { cpuUs, requests, ms }] of others.entries()) {
      ratios[index]?.cpu.push(cpuUs / requests / (bare.cpuUs / bare.requests));
      ratios[index]?.throughput.push(requests / ms / (bare.requests / bare.ms));
    }
    onProgress(`${framework}: ${generation + 1} of ${generations}`);
  }
  return libraries.map(({ id, title }, index) => {
    const { cpu = [], throughput = [] } = ratios[index] ?? {};
    const row = { contestant: id, title, framework, cpu: estimate(cpu), throughput: estimate(throughput) };
    onProgress(`${framework}, ${title}: processor time × ${row.cpu.median.toFixed(3)}`);
    return row;
  });
}

/** What one process did in all its windows. */
interface Total {
  cpuUs: number;
  requests: number;
  ms: number;
}

/** The bare service first, then the libraries as they are given. */
async function oneGeneration(
  framework: Framework,
  libraries: readonly string[],
  generation: number,
  { rounds, windowMs, warmUpRequests }: RequestPathOptions,
): Promise<[bare: Total, ...libraries: Total[]]> {
  const random = seededRandom(generation);
  const generator = new Generator();
  const servers = new Map<string, MeasuredServer>();
  const bare = Array.from({ length: BARE_COPIES }, (_, copy) => `${BARE} ${copy}`);
  const totals = new Map([...bare, ...libraries].map((id): [string, Total] => [id, { cpuUs: 0, requests: 0, ms: 0 }]));
  try {
    for (const id of shuffled([...totals.keys()], random)) {
      const library = id === CONTROL.id || bare.includes(id) ? BARE : id;
      servers.set(id, await MeasuredServer.start(framework, library));
    }
    await warmUp([...servers.values()], generator, warmUpRequests, random);
    for (let round = 0; round < rounds; round++) {
      for (const [id, server] of shuffled([...servers], random)) {
        await addWindow(totals.get(id) as Total, server, generator, windowMs);
      }
    }
    const measured = [...totals.values()];
    return [sum(measured.slice(0, BARE_COPIES)), ...measured.slice(BARE_COPIES)];
  } finally {
    for (const child of [generator, ...servers.values()]) child.end();
  }
}

function sum(totals: readonly Total[]): Total {
  const all: Total = { cpuUs: 0, requests: 0, ms: 0 };
  for (const { cpuUs, requests, ms } of totals) {
    all.cpuUs += cpuUs;
    all.requests += requests;
    all.ms += ms;
  }
  return all;
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

async function addWindow(total: Total, server: MeasuredServer, generator: Generator, forMs: number): Promise<void> {
  const before = await server.cpuUs();
  const { requests, ms } = await load(server, generator, forMs);
  total.cpuUs += (await server.cpuUs()) - before;
  total.requests += requests;
  total.ms += ms;
}
