import { showDuration } from '../duration.ts';
import { exitWords } from '../exit-words.ts';
import type { PodResult } from '../result.ts';

/** What the pictures mark in the same way everywhere. */
export type MomentKind = 'stop' | 'list' | 'hook' | 'late' | 'signal' | 'exit' | 'kill' | 'back';

/** Something that happened to a pod, in milliseconds after it began to be stopped. */
export interface Moment {
  readonly atMs: number;
  readonly kind: MomentKind;
  /** For a marker in a picture; a word or two. */
  readonly label: string;
  /** For a list. */
  readonly words: string;
}

/** What happened to a pod, in order. */
export function momentsOf(pod: PodResult): Moment[] {
  const { timeline, late, stopSignal = 'SIGTERM' } = pod;
  const moments: Moment[] = [
    {
      atMs: 0,
      kind: 'stop',
      label: timeline.exit === undefined ? 'hook' : 'stop',
      words: `${pod.name} begins to be stopped`,
    },
  ];
  if (pod.delistedMs !== undefined) {
    moments.push({ atMs: pod.delistedMs, kind: 'list', label: 'delisted', words: 'gone from where callers look' });
  }
  for (const [index, hook] of timeline.hooks.entries()) {
    const nth = timeline.hooks.length > 1 ? `hook ${index + 1}` : 'hook';
    if (hook.startedAtMs > 1)
      moments.push({ atMs: hook.startedAtMs, kind: 'hook', label: nth, words: `${nth} is called` });
    if (hook.endedAtMs === undefined) continue;
    const how = hook.error ?? (hook.status === undefined ? 'ends' : `answers ${hook.status}`);
    moments.push({ atMs: hook.endedAtMs, kind: 'hook', label: `${nth} ends`, words: `${nth}: ${how}` });
  }
  if (late.count > 0) {
    moments.push({
      atMs: late.lastAfterMs,
      kind: 'late',
      label: 'last late',
      words: `the last of ${late.count} late requests`,
    });
  }
  if (timeline.sigtermAtMs !== undefined) {
    moments.push({ atMs: timeline.sigtermAtMs, kind: 'signal', label: stopSignal, words: stopSignal });
  }
  if (timeline.exitedAtMs !== undefined && timeline.exit !== undefined) {
    const kind = timeline.killed ? 'kill' : 'exit';
    const words = timeline.killed ? 'SIGKILL ends the process' : `the process ends: ${exitWords(timeline.exit)}`;
    moments.push({ atMs: timeline.exitedAtMs, kind, label: timeline.killed ? 'SIGKILL' : 'exit', words });
  }
  if (pod.readyAgainMs !== undefined) {
    moments.push({ atMs: pod.readyAgainMs, kind: 'back', label: 'ready', words: 'ready again' });
  }
  if (pod.listedAgainMs !== undefined) {
    moments.push({ atMs: pod.listedAgainMs, kind: 'back', label: 'listed', words: 'back where callers look' });
  }
  return moments.toSorted((left, right) => left.atMs - right.atMs);
}

/** `0 ms`, `+3.4 s` */
export function momentTime(atMs: number): string {
  return Math.abs(atMs) < 0.5 ? '0 ms' : `${atMs < 0 ? '−' : '+'}${showDuration(Math.abs(atMs))}`;
}
