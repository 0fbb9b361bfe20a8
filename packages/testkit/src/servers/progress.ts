/** Takes one line, for a person, about work that takes long. */
export type Progress = (line: string) => void;

export const stderrProgress: Progress = (line) => {
  process.stderr.write(`${line}\n`);
};

/** How often a line appears while nothing else happens, in milliseconds. */
const TICK_MS = 5_000;

/**
 * Runs `work` and says every five seconds what it is at and for how long: `Consul: 35 s: compiling net/http`.
 * `work` gets a function that notes what it is at now.
 */
export async function withProgress<Result>(
  name: string,
  progress: Progress,
  work: (note: (activity: string) => void) => Promise<Result>,
): Promise<Result> {
  const started = performance.now();
  let activity = 'at work';
  const ticker = setInterval(() => {
    progress(`${name}: ${Math.round((performance.now() - started) / 1000)} s: ${activity}`);
  }, TICK_MS);
  try {
    return await work((now) => {
      activity = now;
    });
  } finally {
    clearInterval(ticker);
  }
}
