/** Asks an actor on this node through its own mailbox and pool: it fails when they are stuck though the node beats. */
import type { CheckFn } from './answer.ts';

/**
 * Sends `$ping` to a service, or to a mailbox, on this node by its mailbox. Where the node has stopped to claim from that,
 * it asks the pool alone: otherwise what is out of rotation could never prove itself. Rejects when there is no answer in
 * time.
 */
export type Ping = (service: string, timeoutMs: number) => Promise<void>;

export function pingProbe(ping: Ping, service: string, timeoutMs: number): CheckFn {
  return () => ping(service, timeoutMs);
}
