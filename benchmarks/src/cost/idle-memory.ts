import type { Contestant } from '../contestants.ts';
import { Generator, MeasuredServer } from './child.ts';

export interface IdleMemoryOptions {
  readonly contestants: readonly Contestant[];
  readonly connections: number;
  readonly onProgress: (line: string) => void;
}

/** What idle connections take. */
export interface IdleMemoryRow {
  readonly contestant: string;
  readonly title: string;
  readonly connections: number;
  /** Octets of objects and buffers for each connection. */
  readonly heapEach: number;
  /** Octets of the process for each connection. */
  readonly rssEach: number;
}

const NONE = { id: 'none', title: 'bare node:http' };
/** So that what a first connection brings is not counted. */
const FIRST = 50;

/** Connections that were used once and are kept alive, and nothing else. */
export async function idleMemory({
  contestants,
  connections,
  onProgress,
}: IdleMemoryOptions): Promise<IdleMemoryRow[]> {
  const rows: IdleMemoryRow[] = [];
  for (const { id, title } of [NONE, ...contestants.filter(({ onRequestPath }) => onRequestPath)]) {
    const generator = new Generator();
    const server = await MeasuredServer.start('http', id);
    try {
      await generator.run({ idle: { port: server.port, connections: FIRST } });
      const before = await server.memory();
      await generator.run({ idle: { port: server.port, connections: FIRST + connections } });
      const after = await server.memory();
      const heapEach = (after.heap - before.heap) / connections;
      const rssEach = (after.rss - before.rss) / connections;
      onProgress(`${title}: ${Math.round(heapEach)} octets for an idle connection`);
      rows.push({ contestant: id, title, connections, heapEach, rssEach });
    } finally {
      generator.end();
      server.end();
    }
  }
  return rows;
}
