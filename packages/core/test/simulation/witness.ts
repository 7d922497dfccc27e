/** Writes down what passes between one node and the backend, in the backend's order of things. */
import type { Backend } from '../../src/backend.ts';
import type { AppendRequest, AppendResult, Claim, Settlement, SettleResult } from '../../src/ports/broker.ts';
import { partitionName, type KeyedCommit, type PartitionTaken } from '../../src/ports/partitions.ts';
import { readFrame } from '../../src/wire/frame.ts';
import type { History } from './history.ts';

export class Witness {
  /** The member that the node is, as the backend sees it. */
  member = '';
  readonly #history: History;
  /** Frames that the backend has handed out and that have not been seen on their way to the node. */
  readonly #handedOut = new Map<string, number>();

  constructor(history: History) {
    this.#history = history;
  }

  /** A call has been carried out. */
  called(call: string, args: readonly unknown[], result: unknown): void {
    switch (call) {
      case 'membership.join':
        this.member = result as string;
        return;
      case 'broker.append':
      case 'broker.appendAll':
      case 'broker.reply':
        return this.#noteWriting(call, args, result);
      case 'broker.settle':
        return this.#noteSettling(args[0] as readonly Settlement[], result as readonly SettleResult[]);
      case 'partitions.take':
        if ((result as PartitionTaken).kind === 'owned') this.#noteOwning('owned', args);
        return;
      case 'partitions.release':
        return this.#noteOwning('released', args);
      case 'partitions.commit':
        return this.#noteCommit(args[2] as KeyedCommit, result as SettleResult);
    }
  }

  #noteSettling(batch: readonly Settlement[], results: readonly SettleResult[]): void {
    batch.forEach((settlement, index) => {
      const { claim, kind } = settlement;
      this.#noteEnd(claim, kind, results[index]!, ends(settlement));
    });
  }

  #noteCommit({ claim }: KeyedCommit, result: SettleResult): void {
    this.#noteEnd(claim, 'commit', result, false);
  }

  #noteEnd(claim: Claim, kind: string, result: string, ends: boolean): void {
    this.#history.add({ type: 'settled', entry: entryOf(claim), kind, result, ends, member: this.member });
  }

  #noteOwning(type: 'owned' | 'released', [mailbox, partition]: readonly unknown[]): void {
    const name = partitionName(mailbox as string, partition as number);
    this.#history.add({ type, partition: name, member: this.member });
  }

  #noteWriting(call: string, [to]: readonly unknown[], result: unknown): void {
    const taken = typeof result === 'string' ? result : (result as AppendResult).kind;
    if (taken !== 'accepted') return;
    const name = typeof to === 'string' ? to : (to as AppendRequest).mailbox;
    this.#history.add({
      type: 'wrote',
      method: call.slice(call.indexOf('.') + 1),
      to: name,
      member: this.member,
    });
  }

  /** The backend hands out entries to the node. */
  handedOut(claims: readonly Claim[]): void {
    for (const claim of claims) this.#handedOut.set(entryOf(claim), (this.#handedOut.get(entryOf(claim)) ?? 0) + 1);
  }

  /** Claims are on their way to the node; more often than they were handed out, where a fault repeats them. */
  dealt(claims: readonly Claim[]): void {
    for (const claim of claims) {
      const { from, number } = readFrame(claim.frame);
      const entry = entryOf(claim);
      const times = this.#handedOut.get(entry) ?? 0;
      this.#handedOut.set(entry, times - 1);
      // A partition is read by its owner alone, and again from where its owner wants it.
      const again = times <= 0 && !claim.mailbox.includes('#');
      this.#history.add({ type: 'claimed', entry, frame: `${from}/${number}`, member: this.member, again });
    }
  }
}

/** The backend, with what it hands out seen before any fault repeats it. */
export function tapped(backend: Backend, witness: Witness): Backend {
  return {
    name: backend.name,
    connect: async (identity) => {
      const link = await backend.connect(identity);
      const { broker } = link;
      const consume = broker.consume.bind(broker);
      broker.consume = (mailbox, limits, intake) =>
        consume(mailbox, limits, {
          room: () => intake.room(),
          take: (claims) => {
            witness.handedOut(claims);
            intake.take(claims);
          },
        });
      return link;
    },
  };
}

/** Nothing of the entry stays in hand. */
function ends(settlement: Settlement): boolean {
  if (settlement.kind === 'done' || settlement.kind === 'park') return true;
  return (settlement.kind === 'retry' || settlement.kind === 'bury') && settlement.todo === undefined;
}

function entryOf(claim: Claim): string {
  return `${claim.mailbox} ${claim.id}`;
}
