import type { Listed } from './api.ts';

/** @returns `undefined` for what is not a JSON object. */
export function parseJson(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The instances in the list that both APIs send; `undefined` for what is not such a list. */
export function listedOf(value: unknown): readonly Listed[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const listed: Listed[] = [];
  for (const host of value) {
    if (!isRecord(host)) return undefined;
    const { ip, port } = host;
    if (typeof ip !== 'string' || typeof port !== 'number') return undefined;
    listed.push({ ip, port });
  }
  return listed;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
