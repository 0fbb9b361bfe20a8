/** Listens for uncaught exceptions and rejections until the returned function is called. */
export function listenForFaults(onFault: (thrown: unknown) => void): () => void {
  const listener = (thrown: unknown): void => {
    // Node would have printed it, stack and all, had nobody listened.
    console.error(thrown);
    onFault(thrown);
  };
  process.on('uncaughtException', listener);
  process.on('unhandledRejection', listener);
  return () => {
    process.off('uncaughtException', listener);
    process.off('unhandledRejection', listener);
  };
}
