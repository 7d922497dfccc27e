import type { ChildProcess } from 'node:child_process';
import { endService, forkService } from '../shared/fork-service.ts';
import { startServing } from './serve.ts';
import { namespace, redisUrl } from './settings.ts';

/** A service as the tour sees it. */
export interface Service {
  readonly name: string;
  readonly pid: number;
  /** When it was killed, s after the start of the work. */
  killedAt?: number;
  /** SIGKILL: no goodbye, no clean-up. Undefined where the service shares this process. */
  readonly kill: (() => Promise<void>) | undefined;
  /** SIGTERM: it drains first. */
  readonly close: () => Promise<void>;
}

export async function startService(name: string): Promise<Service> {
  if (redisUrl === undefined) {
    const node = await startServing(name);
    return { name, pid: process.pid, kill: undefined, close: () => node.close() };
  }
  process.env['HOMEOSTAT_TOUR_NAMESPACE'] = namespace;
  const child: ChildProcess = await forkService(new URL('./service.js', import.meta.url), name);
  return { name, pid: child.pid!, kill: () => endService(child, 'SIGKILL'), close: () => endService(child) };
}
