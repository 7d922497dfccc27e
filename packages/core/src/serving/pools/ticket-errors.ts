/** The errors of jobs that their own handlers did not end. */
import { CallTimeout, HandlerTimeout, HomeostatError, WorkerError } from '../../ground/errors.ts';
import { Cell } from './thread-link.ts';
import type { Ticket } from './ticket.ts';

/** It was asked to stop, and has not answered in time or failed of it. */
export function stoppedError(ticket: Ticket): HomeostatError {
  const { subject, stopping } = ticket;
  if (stopping === Cell.overdue) return new HandlerTimeout(subject, Math.round(ticket.endsAt - ticket.startedAt));
  if (stopping === Cell.closing) return new WorkerError(`${subject}: the pool was closed while it ran`);
  return abortedError(ticket, 'failed');
}

/** It was given up, not refused: whoever still wants it may have it again. */
export function abortedError({ subject }: Ticket, outcome: 'failed' | 'not-executed'): HomeostatError {
  return new HomeostatError('ABORTED', `${subject}: it was given up`, { retryable: true, outcome });
}

/** Its thread died under it. */
export function diedError({ subject }: Ticket, words: string): HomeostatError {
  return new WorkerError(`${subject}: its thread is gone: ${words}`);
}

/** It did not begin in time. */
export function unstartedError({ subject, arrivedAt, due }: Ticket, now: number): HomeostatError {
  const waitedMs = Math.round(now - arrivedAt);
  if (now >= due) return new CallTimeout(subject, waitedMs, 'not-executed');
  return new WorkerError(`${subject}: no thread became free within ${waitedMs} ms`, { outcome: 'not-executed' });
}

/** Threads died again and again before it could begin. */
export function lostError({ subject, lost }: Ticket, words: string): HomeostatError {
  return new WorkerError(`${subject}: ${lost} threads died before it could begin: ${words}`, {
    outcome: 'not-executed',
  });
}

/** Why a thread is ended that runs nothing and does not answer. */
export function muteError(ms: number): HomeostatError {
  return new WorkerError(
    `no answer for ${ms} ms though no job ran in it: something that an earlier job left behind keeps it busy`,
  );
}
