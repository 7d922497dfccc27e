import { Sending, type SendingNeeds } from '../../sending/sending.ts';
import type { Basis } from './basis.ts';

/** What a node sends with. */
export function sendingOn(
  { link, policy, clock, deadlines, flusher, memberId }: Basis,
  told: Pick<SendingNeeds, 'replies' | 'full' | 'failed' | 'split'>,
): Sending {
  return new Sending({
    ...told,
    broker: link.broker,
    clock,
    deadlines,
    flusher,
    timeoutMs: policy.timeoutMs,
    maxBodyBytes: policy.maxBodyBytes,
    memberId,
    ready: (signal) => link.ready(signal),
  });
}
