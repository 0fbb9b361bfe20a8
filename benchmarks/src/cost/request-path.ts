import type { Contestant } from '../contestants.ts';
import { type Estimate, estimate } from '../statistics.ts';
import { type Framework, Generator, MeasuredServer } from './child.ts';

export interface RequestPathOptions {
  readonly contestants: readonly Contestant[];
  /** Pairs of measurements for each library. */
  readonly rounds: number;
  /** Length of one measurement, in milliseconds. */
  readonly windowMs: number;
  readonly warmUpMs: number;
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
  /** Without the library, for orientation: microseconds of processor time for a request. */
  readonly bareCpuUs: number;
}

const CONNECTIONS = 32;

/** How far apart two equal services are measured. */
const NONE = { id: 'none', title: '(nothing, measured against itself)' };

/**
 * Pairs in the order bare, library, library, bare, so that a machine that slows down slows both; one ratio for each round.
 * Both services of a pair are up all the time and warmed up.
 */
export async function requestPath(options: RequestPathOptions): Promise<RequestPathRow[]> {
  const rows: RequestPathRow[] = [];
  const libraries = [NONE, ...options.contestants.filter(({ onRequestPath }) => onRequestPath)];
  for (const framework of ['express', 'http'] as const) {
    for (const { id, title } of libraries) {
      const row = await pair(framework, id, title, options);
      options.onProgress(
        `${framework}, ${title}: processor time × ${row.cpu.median.toFixed(3)}, throughput × ${row.throughput.median.toFixed(3)}`,
      );
      rows.push(row);
    }
  }
  return rows;
}

async function pair(
  framework: Framework,
  id: string,
  title: string,
  { rounds, windowMs, warmUpMs }: RequestPathOptions,
): Promise<RequestPathRow> {
  const generator = new Generator();
  const bare = await MeasuredServer.start(framework, 'none');
  const other = await MeasuredServer.start(framework, id);
  const measure = async (server: MeasuredServer, ms: number): Promise<Measured> => {
    const before = await server.cpuUs();
    const { requests, ms: tookMs } = await generator.run({ load: { port: server.port, connections: CONNECTIONS, ms } });
    return { cpuUs: (await server.cpuUs()) - before, requests, ms: tookMs };
  };
  const cpu: number[] = [];
  const throughput: number[] = [];
  const bareUs: number[] = [];
  try {
    await measure(bare, warmUpMs);
    await measure(other, warmUpMs);
    for (let round = 0; round < rounds; round++) {
      const first = await measure(bare, windowMs);
      const second = await measure(other, windowMs);
      const third = await measure(other, windowMs);
      const without = sum(first, await measure(bare, windowMs));
      const withLibrary = sum(second, third);
      cpu.push(withLibrary.cpuUs / withLibrary.requests / (without.cpuUs / without.requests));
      throughput.push(withLibrary.requests / withLibrary.ms / (without.requests / without.ms));
      bareUs.push(without.cpuUs / without.requests);
    }
  } finally {
    for (const child of [generator, bare, other]) child.end();
  }
  return {
    contestant: id,
    title,
    framework,
    cpu: estimate(cpu),
    throughput: estimate(throughput),
    bareCpuUs: estimate(bareUs).median,
  };
}

interface Measured {
  readonly cpuUs: number;
  readonly requests: number;
  readonly ms: number;
}

function sum(one: Measured, other: Measured): Measured {
  return { cpuUs: one.cpuUs + other.cpuUs, requests: one.requests + other.requests, ms: one.ms + other.ms };
}
