import type { OutgoingHttpHeader, OutgoingHttpHeaders, ServerResponse } from 'node:http';

type HeadFields = OutgoingHttpHeaders | OutgoingHttpHeader[];

/**
 * Makes the response say `Connection: close` if `mayTell` agrees at the moment its head is written, whatever the handler
 * put there: a proxied `keep-alive` would keep the caller on a connection that is about to go (RFC 9112 section 9.6).
 *
 * Replaces the public `writeHead` of this one response; Node sends implicit heads through it too. Responses whose head
 * has already left are not touched.
 */
export function sayClose(response: ServerResponse, mayTell: () => boolean, onTold: () => void): void {
  if (response.headersSent) return;
  const writeHead = response.writeHead.bind(response) as (status: number, ...rest: unknown[]) => ServerResponse;
  response.writeHead = function patched(this: ServerResponse, status: number, ...rest: unknown[]): ServerResponse {
    if (this.headersSent || status < 200 || !mayTell()) return writeHead(status, ...rest);
    const last = rest.at(-1);
    const given = typeof last === 'object' && last !== null ? (last as HeadFields) : undefined;
    const options = [
      ...connectionOptions(this.getHeader('connection')),
      ...connectionOptions(fieldOf(given) as OutgoingHttpHeader | undefined),
    ];
    const connection = [...new Set(options), 'close'].join(', ');
    if (given === undefined) this.setHeader('Connection', connection);
    else rest[rest.length - 1] = withConnection(given, connection);
    onTold();
    return writeHead(status, ...rest);
  };
}

/** Connection options to keep: `Upgrade` of a 426 answer, say; not the two that are being decided here. */
function connectionOptions(field: OutgoingHttpHeader | undefined): string[] {
  if (field === undefined) return [];
  return [field]
    .flat()
    .join(',')
    .split(',')
    .map((option) => option.trim())
    .filter((option) => option !== '' && !/^(?:close|keep-alive)$/i.test(option));
}

/** `writeHead` takes an object, a flat list of names and values, or a list of pairs: all become pairs. */
function pairsOf(given: HeadFields): (readonly [unknown, unknown])[] {
  if (!Array.isArray(given)) return Object.entries(given);
  const list: readonly unknown[] = given;
  if (Array.isArray(list[0])) return list as (readonly [unknown, unknown])[];
  return list.flatMap((name, index) => (index % 2 === 0 ? [[name, list[index + 1]] as const] : []));
}

const isConnection = (name: unknown): boolean => String(name).toLowerCase() === 'connection';

function fieldOf(given: HeadFields | undefined): unknown {
  return given && pairsOf(given).find(([name]) => isConnection(name))?.[1];
}

/**
 * Keeps the shape that was given: Node merges an object with earlier headers, and sends a list as it is, repeated fields
 * included, only as long as no header was set before.
 */
function withConnection(given: HeadFields, connection: string): unknown {
  const fields = [...pairsOf(given).filter(([name]) => !isConnection(name)), ['Connection', connection] as const];
  return Array.isArray(given) ? fields.flat() : Object.fromEntries(fields);
}
