/** The port `Once`: for each id one string, and beside it who waits, in the lane of its mailbox. */
import type { Once, OnceAnswer, OnceBegin, OnceBegun, OnceEnd, OnceEnded, OnceRun, OnceWaiter } from './core.ts';
import type { Ground } from './ground.ts';
import { laneOfMailbox, onceKeys } from './keys.ts';
import { run } from './script.ts';

type Lines = readonly Buffer[];

const NO_BODY = Buffer.alloc(0);
/** As `waiterText` writes it. */
const WAITER = /^([!-z|~]{1,128}) (\d{1,15})$/;

export class RedisOnce implements Once {
  readonly #ground: Ground;

  constructor(ground: Ground) {
    this.#ground = ground;
  }

  async begin({ waiter, maxWaiters, holdMs, ...begun }: OnceBegin): Promise<OnceBegun> {
    const waits = waiter === undefined ? '' : waiterText(waiter);
    const lines = await this.#asMember('oncebegin', begun, [waits, maxWaiters, milliseconds(holdMs)]);
    if (lines === undefined) return { kind: 'not-member' };
    const [said, body = NO_BODY, ...others] = lines;
    const kind = said?.toString('latin1');
    if (kind === 'replied' || kind === 'failed')
      return { kind: 'done', answer: answerOf(kind === 'failed', body), waiters: waitersOf(others) };
    if (kind === 'waits' || kind === 'busy') return { kind };
    return { kind: 'run', inherited: kind === 'inherited' };
  }

  async end(ended: OnceRun, end: OnceEnd): Promise<OnceEnded> {
    const how =
      end.kind === 'free'
        ? [end.wherever ? 'w' : 'f', '', 0]
        : [end.answer.failed ? 'e' : 'r', bytesOf(end.answer.body), milliseconds(end.keepMs)];
    const lines = await this.#asMember('onceend', ended, how);
    if (lines === undefined) return { kind: 'not-member' };
    const [said, ...others] = lines;
    return said?.toString('latin1') === 'lost' ? { kind: 'lost' } : { kind: 'ended', waiters: waitersOf(others) };
  }

  async told({ mailbox, name, message }: OnceRun): Promise<void> {
    const { record, waiters } = this.#keys(mailbox, name);
    await run<number>(this.#ground.command, 'oncetold', [record, waiters], [message]);
  }

  /** Undefined: this node is no member. */
  async #asMember(
    script: 'oncebegin' | 'onceend',
    { mailbox, name, message }: OnceRun,
    more: readonly (string | number | Buffer)[],
  ): Promise<Lines | undefined> {
    const { registration, command } = this.#ground;
    const owner = registration.id;
    if (owner === undefined) return undefined;
    const { members, record, waiters } = this.#keys(mailbox, name);
    const answer = await run<Lines | Buffer>(
      command,
      script,
      [members, record, waiters],
      [owner, message, ...more],
      true,
    );
    if (Array.isArray(answer)) return answer;
    registration.lose(owner, `no member in ${script}`);
    return undefined;
  }

  #keys(mailbox: string, name: string): { members: string; record: string; waiters: string } {
    const { lanes } = this.#ground;
    const lane = this.#ground.lane(laneOfMailbox(mailbox, lanes.length));
    return { members: lane.members, ...onceKeys(lane, mailbox, name) };
  }
}

function waiterText({ inbox, correlation }: OnceWaiter): string {
  return `${inbox} ${correlation}`;
}

/** What cannot be read is nobody who waits. */
function waitersOf(lines: Lines): OnceWaiter[] {
  return lines.flatMap((line) => {
    const [, inbox, correlation] = WAITER.exec(line.toString('latin1')) ?? [];
    return inbox === undefined ? [] : [{ inbox, correlation: Number(correlation) }];
  });
}

/** Every value has bytes: none stand for `undefined`. */
function answerOf(failed: boolean, body: Buffer): OnceAnswer {
  return { failed, body: body.length === 0 ? undefined : body };
}

function bytesOf(body: Uint8Array | undefined): Buffer {
  return body === undefined ? NO_BODY : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
}

function milliseconds(value: number): number {
  return Math.max(1, Math.ceil(value));
}
