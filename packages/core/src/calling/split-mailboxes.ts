/** Which mailboxes are split by keys, and so where a request with a key goes. What is split stays so: it is learnt once. */
import type { Contract } from '../contract/contract.ts';
import type { Clock } from '../ground/clock.ts';
import { asHomeostatError, ConfigError, KeyRequired } from '../ground/errors.ts';
import { partitionOf } from '../keyed/partition-of.ts';
import { partitionName, type Partitions } from '../ports/partitions.ts';
import type { Registry } from '../registry/registry.ts';
import type { Wish } from '../resilience/request.ts';

/** That nobody has ever split a mailbox is believed for so long, ms. */
const WHOLE_MS = 1_000;
/** Mailboxes of which that is believed at once. */
const MAX_WHOLE = 1_000;

export interface SplitMailboxesNeeds {
  readonly partitions: Pick<Partitions, 'count'>;
  readonly registry: Pick<Registry, 'peek'>;
  readonly clock: Clock;
  /** Something sent to the whole mailbox is still on its way: what is sent now must not overtake it. */
  busy(mailbox: string): boolean;
}

export class SplitMailboxes {
  readonly #needs: SplitMailboxesNeeds;
  readonly #known = new Map<string, number>();
  readonly #asked = new Map<string, Promise<number>>();
  /** Mailbox → when it was found to be whole, on the clock's `elapsed()`, ms. */
  readonly #whole = new Map<string, number>();

  constructor(needs: SplitMailboxesNeeds) {
    this.#needs = needs;
  }

  /** Known to be split. */
  has(mailbox: string): boolean {
    return this.#known.size > 0 && this.#known.has(mailbox);
  }

  learn(mailbox: string, partitions: number): void {
    this.#known.set(mailbox, partitions);
    this.#whole.delete(mailbox);
  }

  /** The backend may be another one, or empty. */
  forget(): void {
    this.#known.clear();
    this.#whole.clear();
  }

  /**
   * Tells `use` the partition that a request goes to, at once where it is known; undefined: the mailbox is whole, as far as
   * anybody knows. Tells `fail` why it cannot go, or throws it.
   * @param refused the whole mailbox has refused it: what it must not overtake has gone before.
   */
  find(
    contract: Contract,
    key: string | undefined,
    wish: Wish | undefined,
    refused: boolean,
    use: (partition: string | undefined) => void,
    fail: (error: Error) => void,
  ): void {
    const partitions = this.#partitions(contract, key);
    if (typeof partitions === 'number') return use(this.#choose(contract, key, wish, refused, partitions));
    partitions
      .then((count) => use(this.#choose(contract, key, wish, refused, count)))
      .catch((thrown: unknown) => fail(asHomeostatError(thrown)));
  }

  #choose(
    { mailbox }: Contract,
    key: string | undefined,
    wish: Wish | undefined,
    refused: boolean,
    partitions: number,
  ): string | undefined {
    if (partitions === 0) return undefined;
    if (key === undefined) throw new KeyRequired(mailbox);
    if (wish?.node !== undefined || wish?.tags !== undefined)
      throw new ConfigError(`${mailbox} is keyed: the key decides who handles a message; leave out node and tags`);
    return !refused && this.#needs.busy(mailbox) ? undefined : partitionName(mailbox, partitionOf(key, partitions));
  }

  #partitions({ name, mailbox }: Contract, key: string | undefined): number | Promise<number> {
    const known = this.#known.get(mailbox);
    if (known !== undefined) return known;
    if (key === undefined) return 0;
    // Those that came before and still wait for the answer go first.
    const asked = this.#asked.get(mailbox);
    if (asked !== undefined) return asked;
    const instance = this.#needs.registry.peek(name).find((one) => one.mailbox === mailbox);
    if (instance?.partitions !== undefined) this.learn(mailbox, instance.partitions);
    if (instance !== undefined) return instance.partitions ?? 0;
    return this.#isWhole(mailbox) ? 0 : this.#ask(mailbox);
  }

  #isWhole(mailbox: string): boolean {
    const since = this.#whole.get(mailbox);
    return since !== undefined && this.#needs.clock.elapsed() - since < WHOLE_MS;
  }

  #ask(mailbox: string): Promise<number> {
    const answer = this.#needs.partitions
      .count(mailbox)
      // Away: the whole mailbox says so itself when it is back.
      .catch(() => 0)
      .then((count) => {
        this.#asked.delete(mailbox);
        if (count > 0) this.learn(mailbox, count);
        else this.#believeWhole(mailbox);
        return count;
      });
    this.#asked.set(mailbox, answer);
    return answer;
  }

  #believeWhole(mailbox: string): void {
    if (this.#whole.size >= MAX_WHOLE) this.#whole.clear();
    this.#whole.set(mailbox, this.#needs.clock.elapsed());
  }
}
