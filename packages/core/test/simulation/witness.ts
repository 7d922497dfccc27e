/** Writes down what passes between one node and the backend, in the backend's order of things. */
import type { AppendRequest, AppendResult, Claim, Settlement, SettleResult } from '../../src/ports/broker.ts';
import { partitionName, type KeyedCommit, type PartitionTaken } from '../../src/ports/partitions.ts';
import { readFrame } from '../../src/wire/frame.ts';
import type { History } from './history.ts';

export class Witness {
  /** The member that the node is, as the backend sees it. */
  member = '';
  readonly #history: History;
  readonly #claimed = new Set<string>();

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
      // Handed back, it may well come again.
      if (kind === 'park') this.#claimed.delete(`${this.member} ${entryOf(claim)}`);
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

  /** Claims are on their way to the node. */
  dealt(claims: readonly Claim[]): void {
    for (const claim of claims) {
      const { from, number } = readFrame(claim.frame);
      const entry = entryOf(claim);
      // A partition is read again from where its owner wants it.
      const again = !claim.mailbox.includes('#') && this.#claimed.has(`${this.member} ${entry}`);
      this.#claimed.add(`${this.member} ${entry}`);
      this.#history.add({ type: 'claimed', entry, frame: `${from}/${number}`, member: this.member, again });
    }
  }
}

/** Nothing of the entry stays in hand. */
function ends(settlement: Settlement): boolean {
  if (settlement.kind === 'done' || settlement.kind === 'park') return true;
  return (settlement.kind === 'retry' || settlement.kind === 'bury') && settlement.todo === undefined;
}

function entryOf(claim: Claim): string {
  return `${claim.mailbox} ${claim.id}`;
}
