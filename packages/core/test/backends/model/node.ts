import { pino } from 'pino';
import type { Backend, Link } from '../../../src/backend.ts';
import type { Claim, MailboxReader } from '../../../src/ports/broker.ts';
import { presence } from '../joined.ts';
import { hasBits, type Ending, type Hand } from './endings.ts';
import type { Model } from './model.ts';

export const MAILBOX = 'work@1';
export const LIMITS = { maxLength: 120, maxBytes: 1_000_000 };
const BEAT = { intervalMs: 1_000, ttlMs: 3_000, stallMs: 1_000, evictMs: 30_000 };
/** One member of a history: what it holds, and how much more it may claim. */
export class Node {
  readonly link: Link;
  readonly hands: Hand[] = [];
  id = '';
  room = 0;
  /** Its last accepted producer number. */
  number = 0;
  readonly #model: Model;
  #reader: MailboxReader | undefined;

  constructor(link: Link, model: Model) {
    this.link = link;
    this.#model = model;
  }

  static async join(backend: Backend, model: Model): Promise<Node> {
    const log = pino({ level: 'silent' });
    const node = new Node(await backend.connect({ name: 'node', namespace: 'model', beat: BEAT, log }), model);
    node.id = await node.link.membership.join(presence('node'), {
      evicted: () => model.complain(new Error('a node that beats was evicted')),
      inbox: () => undefined,
      news: () => undefined,
      alerts: () => undefined,
      beaten: () => undefined,
    });
    // So that the limits of the mailbox are known before the first append.
    await node.makeRoom(0);
    await node.closeReader();
    return node;
  }

  async makeRoom(frames: number): Promise<void> {
    this.room += frames;
    this.#reader ??= await this.link.broker.consume(MAILBOX, LIMITS, {
      room: () => this.room,
      take: (claims) => this.#take(claims),
    });
    this.#reader.wake();
  }

  async closeReader(): Promise<void> {
    await this.#reader?.close();
    this.#reader = undefined;
  }

  /** Settles what it holds: the backend must agree. */
  async settle(hand: Hand, ending: Ending): Promise<void> {
    // The model goes first: what is freed may be claimed before the answer is here.
    this.#model.turn(hand.claim, ending.ended, 'live', ending.to);
    this.#model.free(hand.claim, ending.freed);
    hand.todo = ending.kept;
    if (!hasBits(hand.todo)) this.hands.splice(this.hands.indexOf(hand), 1);
    const results = await this.link.broker.settle([ending.settlement]);
    if (results[0] !== 'settled') throw new Error(`${ending.settlement.kind} of a held claim was ${results[0]}`);
  }

  #take(claims: readonly Claim[]): void {
    for (const claim of claims) {
      this.#model.claimed(claim, this.id);
      this.hands.push({ claim, todo: claim.todo ?? '1'.repeat(claim.count) });
      this.room -= 1;
    }
    if (this.room < 0) this.#model.complain(new Error('more was claimed than there was room'));
  }
}
