/** Runs the tasks, at most `atOnce` at a time. The first failure ends all. */
export async function inPool(tasks: readonly (() => Promise<void>)[], atOnce: number): Promise<void> {
  const left = [...tasks];
  const worker = async (): Promise<void> => {
    for (let task = left.shift(); task !== undefined; task = left.shift()) await task();
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, tasks.length) }, worker));
}
