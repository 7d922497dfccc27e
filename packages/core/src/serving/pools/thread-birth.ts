/** How a thread is born: what piscina is told. */
import type { Piscina } from 'piscina';
import type { ThreadData } from './thread-link.ts';
import type { ThreadSettings } from './thread-options.ts';

export function piscinaOptions(settings: ThreadSettings, cells: Int32Array): ConstructorParameters<typeof Piscina>[0] {
  const { module, perThread, maxBodyBytes, env, execArgv, maxHeapMb, maxYoungMb, stackMb, log, workerFile } = settings;
  const workerData: ThreadData = {
    module,
    cells,
    perThread,
    maxBodyBytes,
    logLevel: (log as { readonly level?: string }).level ?? 'trace',
  };
  return {
    filename: workerFile,
    workerData,
    // It starts with its first task and is never replaced by piscina: when and how fast is decided here.
    minThreads: 0,
    maxThreads: 1,
    idleTimeout: Infinity,
    // An idle thread that waits in Atomics.wait would neither answer its database's pings nor run its timers.
    atomics: 'disabled',
    recordTiming: false,
    resourceLimits: {
      maxOldGenerationSizeMb: maxHeapMb,
      maxYoungGenerationSizeMb: maxYoungMb,
      ...(stackMb !== undefined && { stackSizeMb: stackMb }),
    },
    ...(env !== undefined && { env: { ...env } }),
    ...(execArgv !== undefined && { execArgv: [...execArgv] }),
  };
}
