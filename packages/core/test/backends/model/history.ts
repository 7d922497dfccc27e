import type { Backend } from '../../../src/backend.ts';
import type { Settlement } from '../../../src/ports/broker.ts';
import { memory } from '../../../src/backends/memory.ts';
import { virtualClock, type VirtualClock } from '../../../src/testing/index.ts';
import { chooseBits, hasBits, planEnding, type EndingKind, type Hand } from './endings.ts';
import { Model } from './model.ts';
import { LIMITS, MAILBOX, Node } from './node.ts';

/** Enough for the others to see that a node is silent, ms. */
const REAP_MS = 6_000;
/** Longer than any retry or delay of a history waits, ms. */
const ROUND_MS = 2_000;

export type Kind =
  | EndingKind
  | 'append'
  | 'room'
  | 'repeat'
  | 'steal'
  | 'replay'
  | 'drop'
  | 'time'
  | 'crash'
  | 'leave'
  | 'close';

export interface Choice {
  readonly node: number;
  readonly pick: number;
  readonly bits: number;
  readonly amount: number;
}

/** Plays steps on a memory backend in virtual time and compares it with the model after each. */
export class History {
  readonly model: Model = new Model();
  crashes = 0;
  readonly #clock: VirtualClock = virtualClock();
  readonly #backend: Backend = memory({ clock: this.#clock });
  readonly #nodes: Node[] = [];
  /** Of every node there ever was. */
  readonly #ids: string[] = [];
  #last: { readonly node: Node; readonly settlement: Settlement } | undefined;

  static async open(): Promise<History> {
    const history = new History();
    for (let index = 0; index < 3; index += 1) await history.#join(index);
    return history;
  }

  async play(kind: Kind, choice: Choice): Promise<void> {
    await this.#act(kind, choice);
    await this.#clock.advance(0);
    await this.#compare(kind);
  }

  /** All nodes take what there is and finish it: afterwards nothing may live. */
  async drain(): Promise<void> {
    for (let round = 0; this.model.count('live') > 0; round += 1) {
      if (round === 50) throw new Error(`${this.model.count('live')} envelopes never came back`);
      for (const node of this.#nodes) await node.makeRoom(1_000);
      await this.#clock.advance(ROUND_MS);
      for (const node of this.#nodes) {
        for (const hand of [...node.hands]) await node.settle(hand, planEnding('done', hand, 0, 0)!);
      }
      await this.#compare('drain');
    }
    const { messages, bytes, waiting, pending } = await this.#nodes[0]!.link.broker.depth(MAILBOX);
    if (messages + bytes + waiting + pending > 0) throw new Error('drained, and yet the mailbox is not empty');
  }

  async close(): Promise<void> {
    for (const { link } of this.#nodes) await link.close();
  }

  async #act(kind: Kind, choice: Choice): Promise<void> {
    const node = this.#nodes[choice.node] as Node;
    switch (kind) {
      case 'append':
        return this.#append(node, choice);
      case 'room':
        return node.makeRoom(choice.amount);
      case 'close':
        return node.closeReader();
      case 'time':
        return this.#clock.advance(choice.pick * 3);
      case 'crash':
        return this.#crash(choice.node, node);
      case 'leave':
        return this.#leave(choice.node, node);
      case 'repeat':
        return this.#repeat();
      case 'replay':
      case 'drop':
        return this.#exhume(kind, node, choice);
    }
    const hand = node.hands[choice.pick % Math.max(1, node.hands.length)];
    if (hand === undefined) return;
    if (kind === 'steal') return this.#steal(node, hand, choice);
    const ending = planEnding(kind, hand, choice.bits, this.#clock.now() + choice.pick);
    if (ending === undefined) return;
    await node.settle(hand, ending);
    this.#last = { node, settlement: ending.settlement };
  }

  async #append(node: Node, choice: Choice): Promise<void> {
    const count = choice.amount;
    const frame = new TextEncoder().encode(String(this.model.frames));
    const number = node.number + 1;
    const request = { mailbox: MAILBOX, number, frame, count, ...this.#chooseWay(choice) };
    const expected = this.model.count('live') + count <= LIMITS.maxLength ? 'accepted' : 'full';
    const first = await node.link.broker.append(request);
    if (first.kind !== expected) throw new Error(`an append was ${first.kind}, not ${expected}`);
    if (first.kind !== 'accepted') return;
    node.number += 1;
    this.model.accept(count);
    // As if the reply had been lost.
    if (choice.bits % 3 !== 0) return;
    const second = await node.link.broker.append(request);
    const same = second.kind === 'accepted' && second.id === first.id;
    if (!same) throw new Error('a repeated number was not answered with its id');
  }

  /** Delayed, for one node alone (which may have gone), or neither. A target has numbers of its own, so any is new there. */
  #chooseWay({ bits, pick }: Choice): { readonly at?: number; readonly target?: string } {
    if (bits % 4 === 0) return { at: this.#clock.now() + pick };
    if (bits % 4 === 1) return { target: this.#ids[pick % this.#ids.length] as string };
    return {};
  }

  /** The last settlement again, as after a lost reply: it may answer what it likes and must change nothing. */
  async #repeat(): Promise<void> {
    if (this.#last === undefined) return;
    const { node, settlement } = this.#last;
    if (!this.#nodes.includes(node)) return;
    const { claim } = settlement;
    // What was parked may be in this very node's hands again, and then the repeat is a new word on a new claim.
    if (node.hands.some((hand) => hand.claim.id === claim.id && hand.claim !== claim)) return;
    await node.link.broker.settle([settlement]);
  }

  /** Somebody else settles what is not its own. */
  async #steal(owner: Node, hand: Hand, choice: Choice): Promise<void> {
    const thief = this.#nodes[choice.pick % this.#nodes.length] as Node;
    if (thief === owner) return;
    const results = await thief.link.broker.settle([{ kind: 'done', claim: hand.claim }]);
    if (results[0] !== 'lost') throw new Error(`a stranger's done was ${results[0]}`);
  }

  async #exhume(kind: 'replay' | 'drop', node: Node, choice: Choice): Promise<void> {
    const { broker } = node.link;
    const letters = await broker.dead(MAILBOX, { limit: 100 });
    const letter = letters[choice.pick % Math.max(1, letters.length)];
    if (letter === undefined) return;
    const moved = chooseBits(letter.todo, choice.bits);
    if (!hasBits(moved)) return;
    this.model.turn(letter, moved, 'dead', kind === 'replay' ? 'live' : 'dropped');
    if (!(await broker[kind](MAILBOX, letter.id, moved))) throw new Error(`the ${kind} of a dead letter was refused`);
    if (await broker[kind](MAILBOX, letter.id, moved)) throw new Error(`the ${kind} of a dead letter worked twice`);
  }

  async #crash(index: number, node: Node): Promise<void> {
    this.crashes += 1;
    await node.link.close();
    this.model.release(node.id);
    await this.#clock.advance(REAP_MS);
    await this.#join(index);
  }

  async #leave(index: number, node: Node): Promise<void> {
    this.model.release(node.id);
    await node.link.membership.leave();
    await node.link.close();
    await this.#join(index);
  }

  async #join(index: number): Promise<void> {
    const node = await Node.join(this.#backend, this.model);
    this.#nodes[index] = node;
    this.#ids.push(node.id);
  }

  async #compare(after: string): Promise<void> {
    this.model.check();
    const { broker } = this.#nodes[0]!.link;
    const { messages } = await broker.depth(MAILBOX);
    const letters = await broker.dead(MAILBOX, { limit: 10_000 });
    const dead = letters.reduce((sum, letter) => sum + letter.todo.replaceAll('0', '').length, 0);
    const [live, buried] = [this.model.count('live'), this.model.count('dead')];
    if (messages !== live) throw new Error(`after ${after} the backend counts ${messages} and the model ${live}`);
    if (dead !== buried) throw new Error(`after ${after} the backend holds ${dead} dead and the model ${buried}`);
  }
}
