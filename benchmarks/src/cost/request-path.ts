import { seededRandom, shuffled } from '@prestop/testkit';
import type { Contestant } from '../contestants.ts';
import { type Estimate, estimate, mean } from '../statistics.ts';
import { type Framework, Generator, MeasuredServer } from './child.ts';
import type { GeneratorAnswer } from './generator.ts';

export interface RequestPathOptions {
  readonly contestants: readonly Contestant[];
  /** How often all processes are started anew: two processes of the same code are not equally fast. */
  readonly generations: Readonly<Record<Framework, number>>;
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
/** How many processes are up of what the question is about, the bare service and prestop, so that chance decides less. */
const COPIES = 5;
const WITH_COPIES: readonly string[] = [BARE, 'prestop'];
/**
 * What V8 does when a process is called without a break. It paces its collections by the clock, and one that waits for its
 * turn nine tenths of the time looks idle: it goes through all it has nearly twice as often, at the cost of whoever has more
 * loaded. Besides, the young generation of some processes stays small, for which a request of node:http takes up to twice
 * the time: all have one of full size.
 */
const AS_UNDER_CONSTANT_LOAD = [
  '--no-memory-reducer',
  // The old generation grows to five times what is left of it, as it does on Express under a constant load.
  '--heap-growing-percent=400',
  '--min-semi-space-size=16',
];
/** How far apart two equal services are measured. */
const CONTROL = { id: 'control', title: '(the same again, for comparison)' };
/** What it costs that there is more code to collect around. */
const LOADED = { id: 'loaded', title: '(prestop imported and not used, for comparison)' };
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
 * The moments of a process are added up before it is compared: a collection of garbage falls into few of them. Of several
 * processes of one service, the mean is compared: a slow one among them counts as it does for who has only one.
 */
async function costsOn(framework: Framework, options: RequestPathOptions): Promise<RequestPathRow[]> {
  const { contestants, generations, onProgress } = options;
  const libraries = [
    CONTROL,
    LOADED,
    ...contestants.filter(({ onRequestPath }) => onRequestPath),
    ...(framework === 'express' ? MIDDLEWARES : []),
  ];
  const ratios = libraries.map(() => ({ cpu: [] as number[], throughput: [] as number[] }));
  const starts = generations[framework];
  for (let generation = 0; generation < starts; generation++) {
    const measured = await oneGeneration(
      framework,
      libraries.map(({ id }) => id),
      generation,
      options,
    );
    const [bare, ...others] = measured;
    for (const [index, other] of others.entries()) {
      ratios[index]?.cpu.push(mean(other.map(cpuOfRequest)) / mean(bare.map(cpuOfRequest)));
      ratios[index]?.throughput.push(mean(other.map(throughputOf)) / mean(bare.map(throughputOf)));
    }
    onProgress(`${framework}: ${generation + 1} of ${starts}`);
  }
  return libraries.map(({ id, title }, index) => {
    const { cpu = [], throughput = [] } = ratios[index] ?? {};
    const row = { contestant: id, title, framework, cpu: estimate(cpu), throughput: estimate(throughput) };
    onProgress(`${framework}, ${title}: processor time × ${row.cpu.median.toFixed(3)}`);
    return row;
  });
}

/** What a process did in all its windows. */
interface Total {
  cpuUs: number;
  requests: number;
  ms: number;
}

function cpuOfRequest({ cpuUs, requests }: Total): number {
  return cpuUs / requests;
}

function throughputOf({ requests, ms }: Total): number {
  return requests / ms;
}

/** The processes of the bare service first, then those of the libraries as they are given. */
async function oneGeneration(
  framework: Framework,
  libraries: readonly string[],
  generation: number,
  { rounds, windowMs, warmUpRequests }: RequestPathOptions,
): Promise<[bare: Total[], ...libraries: Total[][]]> {
  const random = seededRandom(generation);
  const generator = new Generator();
  const bare: Total[] = [];
  const others = libraries.map((): Total[] => []);
  const services = [BARE, ...libraries].flatMap((id, index) => {
    const service = { library: id === CONTROL.id ? BARE : id, totals: others[index - 1] ?? bare };
    return Array.from({ length: WITH_COPIES.includes(id) ? COPIES : 1 }, () => service);
  });
  const processes: { readonly server: MeasuredServer; readonly total: Total }[] = [];
  try {
    for (const { library, totals } of shuffled(services, random)) {
      const total: Total = { cpuUs: 0, requests: 0, ms: 0 };
      totals.push(total);
      processes.push({ server: await MeasuredServer.start(framework, library, AS_UNDER_CONSTANT_LOAD), total });
    }
    const servers = processes.map(({ server }) => server);
    await warmUp(servers, generator, warmUpRequests, random);
    for (let round = 0; round < rounds; round++) {
      for (const { server, total } of shuffled(processes, random)) await addWindow(total, server, generator, windowMs);
    }
    return [bare, ...others];
  } finally {
    for (const child of [generator, ...processes.map(({ server }) => server)]) child.end();
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

async function addWindow(total: Total, server: MeasuredServer, generator: Generator, forMs: number): Promise<void> {
  const before = await server.cpuUs();
  const { requests, ms } = await load(server, generator, forMs);
  total.cpuUs += (await server.cpuUs()) - before;
  total.requests += requests;
  total.ms += ms;
}
