/** What senders and handlers of every workload write into the history. */
import { asHomeostatError, HandlerError } from '../../src/ground/errors.ts';
import { sleep } from '../../src/ground/loop.ts';
import type { History } from './history.ts';

/** What a call is answered with: whose run this was. */
export interface Ran {
  readonly op: string;
  readonly run: number;
}

export interface Task {
  readonly op: string;
  /** How long the handler takes, ms. */
  readonly ms: number;
  /** So many deliveries fail before one succeeds. */
  readonly fails: number;
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
