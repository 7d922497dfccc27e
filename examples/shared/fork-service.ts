import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** Starts a module as a process of its own; resolves when it has said that it is ready. */
export async function forkService(module: URL, ...args: string[]): Promise<ChildProcess> {
  const service = fork(module, args);
  const failed = once(service, 'exit').then(([code]) => {
    throw new Error(`the service ended before it was ready, code ${String(code)}`);
  });
  await Promise.race([once(service, 'message'), failed]);
  failed.catch(() => {}); // it may end from now on
  return service;
}

/** Ends a service with a signal and waits until its process is gone. */
export async function endService(service: ChildProcess, signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
  if (service.exitCode !== null || service.signalCode !== null) return;
  const gone = once(service, 'exit');
  service.kill(signal);
  await gone;
}
