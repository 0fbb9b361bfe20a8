import { type Output, widthOf } from '../io.ts';
import { showDuration } from './duration.ts';
import type { DrillEvent, DrillListener } from './events.ts';
import { count, VERDICT_WORDS } from './output/words.ts';

/**
 * Tells what happens while it does: a line for each step, and on a terminal one more that is written over. Two services
 * that are compared share the screen; `title` says whose line it is.
 */
export class Progress {
  readonly #output: Output;
  readonly #canRewrite: boolean;
  /** The line that is written over, by title; a Map so that two services each have theirs. */
  readonly #live = new Map<string, string>();

  /** @param live Whether the output is a terminal on which a line can be written over. */
  constructor(output: Output, live: boolean) {
    this.#output = output;
    this.#canRewrite = live;
  }

  listener(title: string | undefined): DrillListener {
    const prefix = title === undefined ? '' : `${title}: `;
    return (event) => {
      if (event.type === 'progress') {
        const { sent, lost } = event.counters;
        this.#live.set(prefix, `${prefix}${count(sent)} requests, ${count(event.late)} late, ${count(lost)} lost`);
        this.#show();
        return;
      }
      const words = wordsFor(event);
      if (words === undefined) return;
      this.#clear();
      this.#output.write(`  ${prefix}${words}\n`);
    };
  }

  /** Takes the line away that is written over. */
  end(): void {
    this.#clear();
    this.#live.clear();
  }

  #show(): void {
    if (!this.#canRewrite) return;
    const line = `  ${[...this.#live.values()].join('  |  ')}`;
    // What reaches the last column would go on in a line that cannot be taken away again.
    this.#output.write(`\r\x1b[K${line.slice(0, (widthOf(this.#output) ?? 80) - 1)}`);
  }

  #clear(): void {
    if (this.#canRewrite) this.#output.write('\r\x1b[K');
  }
}

function wordsFor(event: Exclude<DrillEvent, { readonly type: 'progress' }>): string | undefined {
  switch (event.type) {
    case 'case':
      return `${event.case}: ${event.summary}`;
    case 'pod-starting':
      return `${event.pod} starts, and has ${showDuration(event.timeoutMs)} to be ready`;
    case 'pod-ready':
      return `${event.pod} is ready at ${event.target} after ${showDuration(event.startedInMs)}`;
    case 'left-out':
      return `left out: ${event.request}`;
    case 'warm-up':
      return 'callers begin';
    case 'stopping':
      return `${event.pod} begins to be stopped (hook: ${event.hook})`;
    case 'signal':
      return `${event.pod} gets ${event.signal} after ${showDuration(event.afterMs)}`;
    case 'exited':
      return `${event.pod} ends after ${showDuration(event.afterMs)}: ${event.how}`;
    case 'back':
      return `${event.pod} is back after ${showDuration(event.afterMs)}`;
    case 'case-ended': {
      const { case: name, verdict, tally } = event.result;
      return `${name}: ${VERDICT_WORDS[verdict]}, ${count(tally.lostCount)} lost of ${count(tally.sent)}`;
    }
  }
}
