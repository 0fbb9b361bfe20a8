/** What delivers signals: `process`, or a stand-in of a test. */
export interface SignalSource {
  on(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown;
  off(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown;
}

/**
 * Listens for the signals until the returned function is called. A listener is what makes a signal work for PID 1, which
 * has no default action (signal(7), pid_namespaces(7)).
 */
export function listenForSignals(
  source: SignalSource,
  signals: readonly NodeJS.Signals[],
  onSignal: (signal: NodeJS.Signals) => void,
): () => void {
  // Named twice, a signal would count as the second one, which ends the process at once.
  const distinct = new Set(signals);
  for (const signal of distinct) source.on(signal, onSignal);
  return () => {
    for (const signal of distinct) source.off(signal, onSignal);
  };
}
