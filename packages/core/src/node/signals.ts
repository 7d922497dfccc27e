/** SIGTERM and SIGINT drain the nodes of this process; then the process ends as the signal would have ended it. */
interface Closable {
  close(): Promise<void>;
}

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;
const owned = new Set<Closable>();

/** Makes the node drain on a signal. Call the answer when the node closes by itself. */
export function ownSignals(node: Closable): () => void {
  if (owned.size === 0) for (const signal of SIGNALS) process.on(signal, drain);
  owned.add(node);
  return () => {
    owned.delete(node);
    if (owned.size === 0 && !draining) for (const signal of SIGNALS) process.off(signal, drain);
  };
}

let draining = false;

function drain(signal: NodeJS.Signals): void {
  if (draining) return;
  draining = true;
  void Promise.allSettled([...owned].map((node) => node.close())).then(() => {
    for (const owns of SIGNALS) process.off(owns, drain);
    process.kill(process.pid, signal);
  });
}
