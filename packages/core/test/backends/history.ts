import { pino } from 'pino';
import type { Backend, Link } from '../../src/backend.ts';
import type { Claim, DeadEntry, MailboxReader, Settlement } from '../../src/broker.ts';
import { memory } from '../../src/backends/memory.ts';
import { virtualClock, type VirtualClock } from '../../src/testing/index.ts';
import { Model } from './model.ts';

const MAILBOX = 'work@1';
const LIMITS = { maxLength: 120, maxBytes: 1_000_000 };
const BEAT = { intervalMs: 1_000, ttlMs: 3_000, stallMs: 1_000, evictMs: 30_000 };
/** Enough for the others to see that a node is silent, ms. */
const REAP_MS = 6_000;
const RETRY_MS = 2_000;

export type Kind = 'append' | 'room' | 'done' | 'progress' | 'mark' | 'retry' | 'bury' | 'park' | 'repeat' | 'steal' | 'replay' | 'drop' | 'time' | 'crash' | 'leave' | 'close';

export interface Choice {
  readonly node: number;
  readonly pick: number;
  readonly bits: number;
  readonly amount: number;
}

interface Hand {
  readonly claim: Claim;
  todo: string;
}

interface Node {
  link: Link;
  id: string;
  room: number;
  hands: Hand[];
  number: number;
  reader: MailboxReader | undefined;
}

/** Plays steps on a memory backend in virtual time and compares it with the model after each. */
export class History {
  readonly model: Model = new Model();
  crashes = 0;
  readonly #clock: VirtualClock = virtualClock();
  readonly #backend: Backend = memory({ clock: this.#clock });
  readonly #nodes: Node[] = [];
  #lastSettled: { readonly node: Node; readonly id: string; readonly settlement: Settlement } | undefined;
  #broken: Error | undefined;

  static async open(): Promise<History> {
    const history = new History();
    for (let index = 0; index < 3; index += 1) history.#nodes.push(await history.#join());
    return history;
  }

  async play(kind: Kind, choice: Choice): Promise<void> {
    const node = this.#nodes[choice.node] as Node;
    await this.#act(kind, node, choice);
    await this.#clock.advance(0);
    await this.#compare(kind);
  }

  /** All nodes take what there is and finish it: afterwards nothing may live. */
  async drain(): Promise<void> {
    for (let round = 0; this.model.count('live') > 0; round += 1) {
      if (round === 50) throw new Error(`${this.model.count('live')} envelopes never came back`);
      for (const node of this.#nodes) {
        node.reader ??= await this.#consume(node);
        node.room = 1_000;
        node.reader.wake();
      }
      await this.#clock.advance(RETRY_MS);
      for (const node of this.#nodes) {
        for (const hand of [...node.hands]) await this.#settle(node, hand, { kind: 'done', claim: hand.claim }, hand.todo, 'done', '');
      }
      await this.#compare('drain');
    }
    const { messages, bytes, waiting, pending } = await this.#nodes[0]!.link.broker.depth(MAILBOX);
    if (messages + bytes + waiting + pending !== 0) throw new Error(`drained, and yet ${JSON.stringify({ messages, bytes, waiting, pending })}`);
  }

  async close(): Promise<void> {
    for (const { link } of this.#nodes) await link.close();
  }

  async #act(kind: Kind, node: Node, choice: Choice): Promise<void> {
    if (kind === 'append') return this.#append(node, choice);
    if (kind === 'time') return this.#clock.advance(choice.pick * 3);
    if (kind === 'crash') return this.#crash(node);
    if (kind === 'leave') return this.#leave(node);
    if (kind === 'repeat') return this.#repeat();
    if (kind === 'replay' || kind === 'drop') return this.#exhume(kind, node, choice);
    if (kind === 'room') {
      node.reader ??= await this.#consume(node);
      node.room += choice.amount;
      node.reader.wake();
      return;
    }
    if (kind === 'close') {
      await node.reader?.close();
      node.reader = undefined;
      return;
    }
    const hand = node.hands[choice.pick % Math.max(1, node.hands.length)];
    if (hand !== undefined) await this.#end(kind, node, hand, choice);
  }

  async #append(node: Node, choice: Choice): Promise<void> {
    const count = choice.amount;
    const frame = new TextEncoder().encode(String(this.model.frames));
    const at = choice.bits % 4 === 0 ? { at: this.#clock.now() + choice.pick } : undefined;
    const request = { mailbox: MAILBOX, number: node.number + 1, frame, count, ...at };
    const expected = this.model.count('live') + count <= LIMITS.maxLength ? 'accepted' : 'full';
    const first = await node.link.broker.append(request);
    if (first.kind !== expected) throw new Error(`an append was ${first.kind}, not ${expected}`);
    if (first.kind !== 'accepted') return;
    node.number += 1;
    this.model.accept(count);
    // As if the reply had been lost.
    if (choice.bits % 3 !== 0) return;
    const second = await node.link.broker.append(request);
    if (second.kind !== 'accepted' || second.id !== first.id) throw new Error('a repeated number was not answered with its id');
  }

  async #end(kind: 'done' | 'progress' | 'mark' | 'retry' | 'bury' | 'park' | 'steal', node: Node, hand: Hand, choice: Choice): Promise<void> {
    const { claim, todo } = hand;
    const chosen = chooseBits(todo, choice.bits);
    const rest = minus(todo, chosen);
    if ((kind === 'retry' || kind === 'bury') && !chosen.includes('1')) return;
    const facts = { moved: chosen, deliveries: 1, history: '[]', ...(rest.includes('1') ? { todo: rest } : undefined) };
    if (kind === 'done') await this.#settle(node, hand, { kind, claim }, todo, 'done', '');
    else if (kind === 'progress') await this.#settle(node, hand, { kind, claim, todo: rest }, chosen, 'done', rest);
    else if (kind === 'mark') await this.#settle(node, hand, { kind, claim, todo, index: todo.indexOf('1') }, '', 'done', todo);
    else if (kind === 'retry') await this.#settle(node, hand, { kind, claim, at: this.#clock.now() + choice.pick, ...facts }, '', 'done', rest, chosen);
    else if (kind === 'bury') await this.#settle(node, hand, { kind, claim, reason: 'TIRED', ...facts }, chosen, 'dead', rest);
    else if (kind === 'park') await this.#settle(node, hand, { kind, claim, todo: rest }, chosen, 'done', '', rest);
    else await this.#steal(node, hand, choice);
  }

  /** Carries one ending out: `ended` of the hand becomes `to`, `kept` stays in it, `freed` is for everybody. */
  async #settle(node: Node, hand: Hand, settlement: Settlement, ended: string, to: 'done' | 'dead', kept: string, freed = ''): Promise<void> {
    // The model goes first: what is freed may be claimed before the answer is here.
    this.model.turn(hand.claim, ended, 'live', to);
    this.model.free(hand.claim, freed);
    hand.todo = kept;
    if (!kept.includes('1')) node.hands.splice(node.hands.indexOf(hand), 1);
    const results = await node.link.broker.settle([settlement]);
    if (results[0] !== 'settled') throw new Error(`${settlement.kind} of a held claim was ${results[0]}`);
    this.#lastSettled = { node, id: node.id, settlement };
  }

  /** The last settlement again, as after a lost reply: it may answer what it likes and must change nothing. */
  async #repeat(): Promise<void> {
    const last = this.#lastSettled;
    if (last === undefined || last.node.id !== last.id) return;
    // What was parked may be in this very node's hands again, and then the repeat is a new word on a new claim.
    if (last.node.hands.some((hand) => hand.claim.id === last.settlement.claim.id && hand.claim !== last.settlement.claim)) return;
    await last.node.link.broker.settle([last.settlement]);
  }

  /** Somebody else settles what is not its own. */
  async #steal(owner: Node, hand: Hand, choice: Choice): Promise<void> {
    const thief = this.#nodes[choice.pick % 3] as Node;
    if (thief === owner) return;
    const results = await thief.link.broker.settle([{ kind: 'done', claim: hand.claim }]);
    if (results[0] !== 'lost') throw new Error(`a stranger's done was ${results[0]}`);
  }

  async #exhume(kind: 'replay' | 'drop', node: Node, choice: Choice): Promise<void> {
    const letters = await node.link.broker.dead(MAILBOX, { limit: 100 });
    const letter = letters[choice.pick % Math.max(1, letters.length)];
    if (letter === undefined) return;
    const moved = chooseBits(letter.todo, choice.bits);
    if (!moved.includes('1')) return;
    this.model.turn(asClaim(letter), moved, 'dead', kind === 'replay' ? 'live' : 'dropped');
    if (!(await node.link.broker[kind](MAILBOX, letter.id, moved))) throw new Error(`a dead letter could not be ${kind}ed`);
    if (await node.link.broker[kind](MAILBOX, letter.id, moved)) throw new Error(`a dead letter was ${kind}ed twice`);
  }

  async #crash(node: Node): Promise<void> {
    this.crashes += 1;
    await node.link.close();
    // From the moment the others notice, what it held may be claimed; not before.
    this.model.release(node.id);
    await this.#clock.advance(REAP_MS);
    Object.assign(node, await this.#join());
  }

  async #leave(node: Node): Promise<void> {
    this.model.release(node.id);
    node.hands = [];
    await node.link.membership.leave();
    await node.link.close();
    Object.assign(node, await this.#join());
  }

  async #join(): Promise<Node> {
    const link = await this.#backend.connect({ name: 'node', namespace: 'model', beat: BEAT, log: pino({ level: 'silent' }) });
    const report = { name: 'node', pid: 1, host: 'here', startedAt: 1, status: 'healthy', serves: {}, inFlight: 0, serviceMs: {} } as const;
    const id = await link.membership.join(() => report, {
      evicted: () => {
        this.#broken ??= new Error('a node that beats was evicted');
      },
      inbox: () => undefined,
    });
    const node: Node = { link, id, room: 0, hands: [], number: 0, reader: undefined };
    // So that the limits of this mailbox are known before the first append.
    await (await this.#consume(node)).close();
    return node;
  }

  #consume(node: Node): Promise<MailboxReader> {
    const { id, link } = node;
    return link.broker.consume(MAILBOX, LIMITS, {
      room: () => this.#holder(id)?.room ?? 0,
      take: (claims) => this.#take(id, claims),
    });
  }

  /** The node that is this member now; nodes change their ids. */
  #holder(id: string): Node | undefined {
    return this.#nodes.find((node) => node.id === id);
  }

  #take(id: string, claims: readonly Claim[]): void {
    const node = this.#holder(id);
    if (node === undefined) return;
    try {
      for (const claim of claims) {
        this.model.claimed(claim, id);
        node.hands.push({ claim, todo: claim.todo ?? '1'.repeat(claim.count) });
        node.room -= 1;
      }
      if (node.room < 0) throw new Error('more was claimed than there was room');
    } catch (thrown) {
      this.#broken ??= thrown as Error;
    }
  }

  async #compare(after: string): Promise<void> {
    if (this.#broken !== undefined) throw this.#broken;
    const { broker } = this.#nodes[0]!.link;
    const { messages } = await broker.depth(MAILBOX);
    const live = this.model.count('live');
    if (messages !== live) throw new Error(`after ${after} the backend counts ${messages} and the model ${live}`);
    const dead = (await broker.dead(MAILBOX, { limit: 10_000 })).reduce((sum, letter) => sum + [...letter.todo].filter((bit) => bit === '1').length, 0);
    if (dead !== this.model.count('dead')) throw new Error(`after ${after} the backend holds ${dead} dead and the model ${this.model.count('dead')}`);
  }
}

/** Those bits of the mask that `bits` chooses. */
function chooseBits(mask: string, bits: number): string {
  return [...mask].map((bit, index) => (bit === '1' && (bits >> index) % 2 === 1 ? '1' : '0')).join('');
}

function minus(mask: string, taken: string): string {
  return [...mask].map((bit, index) => (bit === '1' && taken[index] !== '1' ? '1' : '0')).join('');
}

function asClaim(letter: DeadEntry): Claim {
  const { id, frame, count, todo } = letter;
  return { mailbox: MAILBOX, id, frame, count, todo, deliveries: 0, crashes: 0 };
}
