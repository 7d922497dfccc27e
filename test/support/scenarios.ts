/** Short plays that need one certain guard each. They end in what the checker says, whatever it is. */
import type { Findings } from './checker.ts';
import { entryIds, FRAME_FIELD, holds, MAILBOX } from './faults.ts';
import { Solo } from './solo.ts';
import { Stage } from './stage.ts';
import { BEAT } from './work.ts';

/** What is not drained after this is lost, ms. */
const DRAIN_MS = 3_000;
/** Long enough for another node to take over and answer, ms. */
const CALL_MS = 5_000;

/** One service under load; `play` does the damage. */
async function loaded(programs: string, play: (stage: Stage) => Promise<void>): Promise<Findings> {
  const stage = await Stage.open({ programs, services: 1, callMs: CALL_MS, drainMs: DRAIN_MS });
  try {
    await stage.steady();
    await play(stage);
    await stage.steady();
    return await stage.drain({ repeats: false });
  } finally {
    await stage.close();
  }
}

/** One service, and nothing sent but by `play`. */
async function alone(programs: string, play: (solo: Solo) => Promise<void>): Promise<Findings> {
  const solo = await Solo.open({ programs, services: 1, drainMs: DRAIN_MS });
  try {
    await play(solo);
    return await solo.drain({ repeats: true });
  } finally {
    await solo.close();
  }
}

/** Own-pending sweep: the answer of a read is lost, and with it the only hint that its entries are in hand. */
export function readCut(programs: string): Promise<Findings> {
  return loaded(programs, async (stage) => {
    stage.serviceProxy.cutOnReply({ request: holds('xreadgroup'), reply: holds(FRAME_FIELD) });
    await stage.until('the connection was cut', () => stage.serviceProxy.lost.length > 0);
  });
}

/** Producer number: an append is repeated because its acceptance was lost. */
export function appendCut(programs: string): Promise<Findings> {
  return loaded(programs, async (stage) => {
    const reply = (answer: Buffer): boolean => entryIds(answer).length > 0;
    stage.callerProxy.cutOnReply({ request: holds(`:mailbox:${MAILBOX}`), reply });
    await stage.until('the connection was cut', () => stage.callerProxy.lost.length > 0);
  });
}

/** Member fence: a node wakes from a long stop with handlers that are due, while another one runs them anew. */
export function zombie(programs: string): Promise<Findings> {
  return alone(programs, async (solo) => {
    const { stage } = solo;
    const [victim] = stage.services;
    const ids = ['first', 'second', 'third'];
    await Promise.all(ids.map((id) => solo.cast({ id, ms: BEAT.ttlMs })));
    await stage.until('all of them run', () => stage.running(victim!).length === ids.length);
    victim!.kill('SIGSTOP');
    const heir = await stage.startService();
    await stage.until('another service runs them', () => stage.running(heir).length === ids.length);
    victim!.kill('SIGCONT');
    await stage.until('the zombie has learnt it', (all) => all.some((one) => one.type === 'evicted'));
    await stage.until('the heir has ended them', () => stage.running(heir).length === 0);
  });
}

/** Settle after reply: a call is handled, its answer cannot leave, its node dies; another one must answer it. */
export function answerHeldBack(programs: string): Promise<Findings> {
  return alone(programs, async (solo) => {
    const { stage } = solo;
    const [victim] = stage.services;
    stage.serviceProxy.tamper(withoutReplies);
    const answered = solo.call({ id: 'question', ms: 0 }, CALL_MS);
    await stage.until('it was handled', (all) => all.some((one) => one.type === 'end'));
    await stage.startService();
    await stage.endService(victim!, 'SIGKILL');
    stage.serviceProxy.tamper(undefined);
    await answered;
  });
}

const REPLY_BY_DIGEST =
  /(evalsha\r\n\$40\r\n)[0-9a-f]{40}(\r\n\$1\r\n2\r\n\$\d+\r\n\{[^}]*\}:members\r\n\$\d+\r\n\{[^}]*\}:inbox:)/g;
const REPLY_BY_TEXT = "'NOMKSTREAM', '*', 'f'";

/** Appends to an inbox fail on the server: it does not know the script, and its text holds a mistake. */
function withoutReplies(request: Buffer): Buffer {
  const text = request
    .toString('latin1')
    .replaceAll(REPLY_BY_DIGEST, `$1${'0'.repeat(40)}$2`)
    .replaceAll(REPLY_BY_TEXT, REPLY_BY_TEXT.replace('NOMKSTREAM', 'NOMKSTREAN'));
  return Buffer.from(text, 'latin1');
}
