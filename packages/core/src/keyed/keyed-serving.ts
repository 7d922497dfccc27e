/** A keyed actor as one node serves it: the partitions that are its own, one dispatcher for all of them. */
import { CastWriter, type CastNumbers } from '../calling/held-casts.ts';
import { PING } from '../calling/ping.ts';
import type { SplitMailboxes } from '../calling/split-mailboxes.ts';
import type { Actor } from '../contract/actor.ts';
import { ConfigError, LayoutMismatch, type HomeostatError } from '../ground/errors.ts';
import type { Flusher } from '../ground/flusher.ts';
import type { Batch } from '../serving/batch.ts';
import type { Broker, Claim, Intake, Settlement } from '../ports/broker.ts';
import type { Partitions } from '../ports/partitions.ts';
import type { Registry } from '../registry/registry.ts';
import type { Dispatcher } from '../serving/dispatcher.ts';
import type { Delivery } from '../serving/delivery.ts';
import type { DispatcherNeeds } from '../serving/dispatcher-needs.ts';
import { readFrame } from '../wire/frame.ts';
import { KeyedBatch } from './keyed-batch.ts';
import { KeyedEndings } from './keyed-endings.ts';
import { KeyedGate, type Keeping } from './keyed-gate.ts';
import { KeyedPool } from './keyed-pool.ts';
import { KeyedSettler } from './keyed-settler.ts';
import { KeyedWaiting } from './keyed-waiting.ts';
import { Ownership } from './ownership.ts';
import { Partition } from './partition.ts';
import { States } from './states.ts';

/** What keyed actors of one node share. */
export interface KeyedNeeds {
  readonly partitions: Partitions;
  readonly broker: Broker;
  readonly registry: Pick<Registry, 'peek'>;
  readonly split: Pick<SplitMailboxes, 'learn'>;
  readonly flusher: Flusher;
  readonly castNumbers: CastNumbers;
  /** The backend has refused what was to be written. Must not throw. */
  failed(error: HomeostatError): void;
}

export class KeyedServing {
  readonly #needs: KeyedNeeds;
  readonly #actor: Actor;
  readonly #own: DispatcherNeeds;
  readonly #states: States | undefined;
  readonly #waiting: KeyedWaiting;
  readonly #ownership: Ownership;
  #dispatcher: Dispatcher | undefined;
  #endings: KeyedEndings | undefined;
  #settler: KeyedSettler;

  /** @param base what its dispatcher would be made of if it were not keyed. */
  constructor(needs: KeyedNeeds, actor: Actor, base: DispatcherNeeds) {
    const { contract, policy } = actor;
    const { clock, memberId, maxBodyBytes } = base;
    this.#needs = needs;
    this.#actor = actor;
    this.#settler = this.#newSettler(base);
    let keeping: Keeping | undefined;
    if (contract.state !== undefined) {
      const writer = new CastWriter(maxBodyBytes, memberId, () => clock.now(), needs.castNumbers);
      const { mailbox, state: schema } = contract;
      keeping = { states: new States(), transactions: { mailbox, schema, maxBodyBytes, writer } };
    }
    this.#states = keeping?.states;
    const pool = new KeyedPool(base.pool, (key) => {
      if (this.#waiting.free(key)) this.#dispatcher?.take([]);
    });
    this.#waiting = new KeyedWaiting({
      isTaken: (key) => pool.isTaken(key),
      waits: (batch, index) => this.#tellWait(batch, index),
    });
    this.#own = {
      ...base,
      pool,
      settler: () => this.#settler,
      mark: (batch, index) => this.#mark(batch, index),
      // First: what has begun the run of its id does not come back for want of its state.
      gates: [new KeyedGate(contract.mailbox, clock, base.log, keeping), ...(base.gates ?? [])],
      waiting: this.#waiting,
      endings: (freed) => (this.#endings = new KeyedEndings(this.#own, freed)),
    };
    this.#ownership = new Ownership({
      mailbox: contract.mailbox,
      count: policy.keyed!.partitions,
      partitions: needs.partitions,
      log: base.log,
      memberId,
      candidates: () => this.#candidates(),
      make: (number, orphaned) => this.#partition(number, orphaned),
    });
  }

  /** What its dispatcher is made of. */
  get parts(): DispatcherNeeds {
    return this.#own;
  }

  /** Partitions that are this node's now. */
  get owned(): number {
    return [...this.#ownership.owned].length;
  }

  /** Messages in this node's memory. */
  get waiting(): number {
    let waiting = 0;
    for (const partition of this.#ownership.owned) waiting += partition.waiting;
    return waiting;
  }

  /** Keys whose state is in memory. */
  get keysInMemory(): number {
    return this.#states?.size ?? 0;
  }

  /** Endings that the backend refused because the entry was no longer ours, since the node has joined. */
  get lost(): number {
    return this.#settler.lost;
  }

  attach(dispatcher: Dispatcher): void {
    this.#dispatcher = dispatcher;
  }

  /**
   * Takes what comes by the whole mailbox. Pings are run. All else was sent by somebody who did not know of the keys, or
   * before there were any: handed back it goes into the partitions.
   */
  shared(dispatcher: Dispatcher): Intake {
    return {
      room: () => dispatcher.room(),
      take: (claims) => {
        const pings = claims.filter((claim) => isPing(claim, this.#own.maxBodyBytes));
        for (const claim of claims) {
          const todo = claim.todo ?? '1'.repeat(claim.count);
          if (!pings.includes(claim)) this.#settler.add({ kind: 'park', claim, todo });
        }
        dispatcher.take(pings);
      },
    };
  }

  /** Splits the mailbox, if nobody has, and begins to take what is this node's. @throws LayoutMismatch */
  async open(): Promise<void> {
    const { mailbox } = this.#actor.contract;
    const { maxLength, maxBytes, keyed } = this.#actor.policy;
    const wanted = keyed!.partitions;
    const split = await this.#needs.partitions.split(mailbox, wanted, { maxLength, maxBytes });
    this.#needs.split.learn(mailbox, split);
    if (split !== wanted) {
      throw new LayoutMismatch(
        `${mailbox} was split into ${split} partitions when it was first served, which cannot be changed: say keyed: { partitions: ${split} }, or raise the major version of its contract, which is another mailbox`,
      );
    }
    this.#ownership.look();
  }

  /** Something about the nodes that serve it may have changed; called now and then as well. */
  look(): void {
    const idleMs = this.#actor.policy.keyed!.idleMs;
    this.#states?.dropIdle(this.#own.clock.elapsed() - idleMs);
    this.#ownership.look();
  }

  /** Hands everything over, each partition as soon as nothing of it is in hand. */
  retire(): Promise<void> {
    return this.#ownership.retire();
  }

  /** The node is no member any more. Answers how many endings were refused. */
  drop(): number {
    const { lost } = this.#settler;
    this.#ownership.drop();
    this.#states?.clear();
    this.#settler.forget();
    this.#settler.close();
    this.#settler = this.#newSettler(this.#own);
    return lost;
  }

  async close(): Promise<void> {
    await this.#ownership.close();
    this.#settler.close();
  }

  #candidates(): string[] {
    const { name, mailbox } = this.#actor.contract;
    const serving = this.#needs.registry.peek(name);
    return serving.filter((one) => one.mailbox === mailbox && one.partitions !== undefined).map((one) => one.nodeId);
  }

  #partition(number: number, orphaned: string | undefined): Partition {
    const { deadlines, clock, log, maxBodyBytes } = this.#own;
    const needs = {
      ...{ deadlines, clock, log, maxBodyBytes },
      mailbox: this.#actor.contract.mailbox,
      partitions: this.#needs.partitions,
      broker: this.#needs.broker,
      failed: this.#needs.failed,
      waiting: this.#waiting,
      states: this.#states,
      endings: () => this.#endings!,
      owner: () => this.#dispatcher!.owner,
      pump: () => this.#dispatcher!.take([]),
      isOpen: () => this.#dispatcher!.open,
      waitsForCalls: (partition: Partition) => this.#dispatcher!.runs((one) => isWaiting(one, partition)),
      hasRoom: () => this.#dispatcher!.inFlight < this.#dispatcher!.concurrency,
    };
    return new Partition(needs, number, orphaned);
  }

  #newSettler({ log }: DispatcherNeeds): KeyedSettler {
    const { broker, flusher, failed } = this.#needs;
    const mailbox = this.#actor.contract.mailbox;
    const partitionOf = (name: string): Partition | undefined =>
      name.startsWith(`${mailbox}#`) ? this.#ownership.get(Number(name.slice(mailbox.length + 1))) : undefined;
    const carried = {
      left: ({ claim }: Settlement) => partitionOf(claim.mailbox)?.departed(claim.id),
      arrived: ({ claim }: Settlement) => partitionOf(claim.mailbox)?.arrived(claim.id),
    };
    return new KeyedSettler(broker, flusher, log, carried, failed);
  }

  #tellWait(batch: KeyedBatch, index: number): void {
    const { log, mailbox } = this.#own;
    const { method } = batch.frame.envelopes[index]!;
    log.warn(
      { evt: 'key_taken', mailbox, method, messageId: batch.messageId(index) },
      'a message waits for a handler of its key that has been given up and runs on',
    );
  }

  /** After what is being settled of the entry: progress that came later would take the mark away. */
  async #mark(batch: Batch, index: number): Promise<void> {
    const { claim } = batch;
    if (batch instanceof KeyedBatch) await batch.partition.quiet(batch.id);
    const todo = '1'.repeat(claim.count);
    const [result] = await this.#needs.broker.settle([{ kind: 'mark', claim, todo, index }]);
    if (result !== 'settled') throw new ConfigError(`the entry is no longer ours: ${String(result)}`);
  }
}

function isWaiting({ batch, waitsForOthers }: Delivery, partition: Partition): boolean {
  return waitsForOthers && batch instanceof KeyedBatch && batch.partition === partition;
}

function isPing({ frame }: Claim, maxBodyBytes: number): boolean {
  try {
    return readFrame(frame, { maxBodyBytes }).envelopes.every(({ method }) => method === PING);
  } catch {
    return false;
  }
}
