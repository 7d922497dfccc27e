/**
 * What has room is read, whatever ends when. A wake-up that is lost shows as a mailbox that stands still until the read under
 * way for its neighbours ends, so all of them are quiet between two bursts.
 */
import test from 'ava';
import { LIMITS, TestNode, until } from './house.ts';
import { startRedis, type RedisServer } from './redis-server.ts';
import type { Claim, MailboxReader } from '../src/core.ts';

let server: RedisServer;
let spaces = 0;
const space = (): string => `liveness-${process.pid}-${++spaces}`;
/** A read under way lasts 5 s when nobody ends it. */
const SLOW = { intervalMs: 1_000, ttlMs: 8_000, stallMs: 1_000, evictMs: 30_000 };
const STOOD_STILL_MS = 3_000;
const BURSTS = 60;
const MOST_AT_ONCE = 12;
/** Of so many bytes the next read is on its way before they are handed over. */
const MUCH = 5_000;

test.before(async () => {
  server = await startRedis();
});
test.after.always(() => server.end());

/** Whole numbers from 0 up to `below`, the same for the same seed. */
type UpTo = (below: number) => number;

function numbers(seed: number): UpTo {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Acts at every moment that there is between two others: at once, in a microtask, in this turn, in the next. */
const MOMENTS: readonly ((act: () => void) => void)[] = [
  (act) => act(),
  (act) => queueMicrotask(act),
  (act) => queueMicrotask(() => queueMicrotask(() => queueMicrotask(act))),
  (act) => process.nextTick(act),
  (act) => void setImmediate(act),
  (act) => void setTimeout(act, 1),
];

interface Nodes {
  readonly node: TestNode;
  readonly sender: TestNode;
}

/** Places that several mailboxes share, as the lines of one actor do, and that grow and shrink. */
class Pool {
  readonly handled = new Map<string, number>();
  readonly #node: TestNode;
  readonly #upTo: UpTo;
  readonly #starved = new Set<MailboxReader>();
  #places = 1;
  #taken = 0;

  constructor(node: TestNode, upTo: UpTo) {
    this.#node = node;
    this.#upTo = upTo;
  }

  async read(mailbox: string): Promise<void> {
    const reader: { current?: MailboxReader } = {};
    let asked = false;
    reader.current = await this.#node.link.broker.consume(mailbox, LIMITS, {
      room: () => {
        const room = Math.max(0, this.#places - this.#taken);
        if (reader.current === undefined) asked ||= room === 0;
        else if (room === 0) this.#starved.add(reader.current);
        else this.#starved.delete(reader.current);
        return room;
      },
      take: (claims) => {
        this.#taken += claims.length;
        for (const claim of claims) this.#someTime(() => this.#end(claim));
      },
    });
    if (asked) reader.current.wake();
  }

  /** Another number of places holds from now on. */
  resize(): void {
    this.#places = 1 + this.#upTo(6);
    this.#wake();
  }

  #end(claim: Claim): void {
    this.#taken -= 1;
    const { broker } = this.#node.link;
    // Now and then it is for whoever has room: it comes back by another way.
    if (this.#upTo(10) === 0) void broker.settle([{ kind: 'park', claim, todo: '1' }]);
    else {
      const text = Buffer.from(claim.frame).toString().trimEnd();
      this.handled.set(text, (this.handled.get(text) ?? 0) + 1);
      void broker.settle([{ kind: 'done', claim }]);
    }
    if (this.#upTo(20) === 0) this.resize();
    else this.#wake();
  }

  #someTime(act: () => void): void {
    MOMENTS[this.#upTo(MOMENTS.length)]?.(act);
  }

  #wake(): void {
    if (this.#taken >= this.#places) return;
    const starved = [...this.#starved];
    this.#starved.clear();
    for (const reader of starved) reader.wake();
  }
}

/** Sends bursts to random ones of the pools, each after the one before was handled. Answers how often each message was. */
async function play(upTo: UpTo, pools: readonly (readonly string[])[], nodes: Nodes): Promise<readonly number[]> {
  const { node, sender } = nodes;
  const read: Pool[] = [];
  for (const mailboxes of pools) {
    const pool = new Pool(node, upTo);
    for (const mailbox of mailboxes) await pool.read(mailbox);
    read.push(pool);
  }
  const handled = (): number => read.reduce((sum, pool) => sum + pool.handled.size, 0);
  const all = pools.flat();
  let sent = 0;
  for (let burst = 0; burst < BURSTS; burst += 1) {
    const count = 1 + upTo(MOST_AT_ONCE);
    const few = all.slice(upTo(all.length)).slice(0, 1 + upTo(3));
    const sending = Array.from({ length: count }, (_, at) => {
      const mailbox = few[at % few.length] ?? '';
      const text = String(sent + at).padEnd(upTo(3) === 0 ? MUCH : 0);
      return upTo(4) === 0 ? sendTo(sender, mailbox, text, node.id) : sender.send(mailbox, text);
    });
    sent += count;
    await Promise.all(sending);
    await until(`burst ${burst}: ${handled()} of ${sent}`, () => handled() >= sent, STOOD_STILL_MS);
  }
  return read.flatMap((pool) => [...pool.handled.values()]);
}

async function sendTo(sender: TestNode, mailbox: string, text: string, target: string): Promise<void> {
  const number = sender.number(`${mailbox}>${target}`);
  const { kind } = await sender.link.broker.append({ mailbox, number, frame: Buffer.from(text), count: 1, target });
  if (kind !== 'accepted') throw new Error(`append: ${kind}`);
}

const STAGES: readonly (readonly [what: string, pools: readonly (readonly string[])[]])[] = [
  ['mailboxes with places of their own', ['a@1', 'b@1', 'c@1', 'd@1', 'e@1', 'f@1'].map((name) => [name])],
  ['lines that share their places', [['a@1!high', 'a@1', 'a@1!low'], ['b@1']]],
];

for (const [what, pools] of STAGES)
  test.serial(`nothing stands still while there is room: ${what}`, async (t) => {
    const seed = Number(process.env['HOMEOSTAT_SEED'] ?? Math.floor(Math.random() * 2 ** 32));
    t.log(`seed ${seed}`);
    const ns = space();
    const node = await TestNode.joined(server.url, ns, 'node', SLOW);
    const sender = await TestNode.joined(server.url, ns, 'sender', SLOW);
    t.teardown(async () => {
      await node.end();
      await sender.end();
    });
    const seen = await play(numbers(seed), pools, { node, sender });
    t.deepEqual(new Set(seen), new Set([1]), 'each once');
  });
