const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, '': 1000 };

/** `500ms`, `2s`, `1.5m`, or a bare number of seconds, in milliseconds; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|)$/.exec(text.trim());
  const factor = UNITS[match?.[2] ?? '?'];
  return match === null || factor === undefined ? undefined : Number(match[1]) * factor;
}

/** For people: `340 ms`, `2.1 s`, `75 s`. */
export function showDuration(ms: number): string {
  const rounded = Math.round(ms);
  if (Math.abs(rounded) < 1000) return `${rounded} ms`;
  const seconds = ms / 1000;
  return `${Math.abs(seconds) < 60 ? Number(seconds.toFixed(1)) : Math.round(seconds)} s`;
}
