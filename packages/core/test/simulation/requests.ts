/** What senders and handlers of every workload write into the history. */
import { z } from 'zod';
import { asHomeostatError, HandlerError } from '../../src/ground/errors.ts';
import { sleep } from '../../src/ground/loop.ts';
import type { Chance } from './chance.ts';
import type { History } from './history.ts';

/** What a call is answered with: whose run this was. */
export interface Ran {
  readonly op: string;
  readonly run: number;
}

export const taskSchema: z.ZodType<Task> = z.object({ op: z.string(), ms: z.number(), fails: z.number() });
export const ranSchema: z.ZodType<Ran> = z.object({ op: z.string(), run: z.number() });

export interface Task {
  readonly op: string;
  /** How long the handler takes, ms. */
  readonly ms: number;
  /** So many deliveries fail before one succeeds. */
  readonly fails: number;
}

/** Of every actor: few deliveries, soon after each other, ms. */
export const REDELIVERY = { deliveries: 4, delayMs: 50, maxDelayMs: 400 } as const;

/** Makes what a handler shall do. */
export function makeTask(op: string, chance: Chance): Task {
  const ms = chance.happens(0.3) ? 0 : chance.below(chance.pick([5, 50, 800]));
  return { op, ms, fails: chance.happens(0.8) ? 0 : chance.between(1, 5) };
}

/** A handler: takes its time, and fails as often as it shall. */
export async function ran(
  { history, member }: { readonly history: History; readonly member: string },
  { op, ms, fails }: Task,
  ctx: { readonly messageId: string; readonly attempt: number; readonly key?: string | undefined },
): Promise<Ran> {
  const { messageId: message, attempt, key } = ctx;
  const run = history.started({ op, message, attempt, member, key });
  if (ms > 0) await sleep(ms);
  const failed = attempt <= fails;
  history.add({ type: 'ended', run, how: failed ? 'failed' : 'done' });
  if (failed) throw new HandlerError(`${op} shall fail`);
  return { op, run };
}

/** Sends, and notes how it ended. */
export async function outcomeOf(history: History, op: string, send: () => Promise<Ran | void>): Promise<void> {
  try {
    const answer = await send();
    if (answer === undefined) history.add({ type: 'accepted', op });
    else history.add({ type: 'answered', op, byOp: answer.op, run: answer.run });
  } catch (thrown) {
    const { code, outcome } = asHomeostatError(thrown);
    history.add({ type: 'refused', op, code, outcome });
  }
}
