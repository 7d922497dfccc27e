import { setTimeout as sleep } from 'node:timers/promises';
import type { ActorNode, Client } from 'homeostat';
import { files, users } from './contracts.ts';
import type { Ledger } from './ledger.ts';
import { Meter } from './meter.ts';
import type { Sample } from './repository.ts';
import { isFaulty, userOf } from './seed.ts';
import { SEED } from './settings.ts';

/** Requests of each kind that are out at once. */
const OUTSTANDING = { examine: 8, get: 16, change: 16 };
/** Changes that may wait for a handler before the caller pauses. */
const MAX_WAITING = 100;
/** Failed requests after which no more are sent. */
const GIVE_UP_AFTER = 100;

/** What the caller has asked for and got. */
export interface Done {
  readonly examine: Meter;
  readonly get: Meter;
  /** Creations and updates. */
  readonly change: Meter;
  /** Changes that the backend has accepted. */
  readonly accepted: ReadonlySet<number>;
  /** Calls answered, by the process that answered. */
  readonly answeredBy: ReadonlyMap<number, number>;
  /** What was answered wrongly. */
  readonly wrong: readonly string[];
}

/** Hands out the work and keeps its answers. */
export class Workload implements Done {
  readonly examine = new Meter();
  readonly get = new Meter();
  readonly change = new Meter();
  readonly accepted = new Set<number>();
  readonly answeredBy = new Map<number, number>();
  readonly wrong: string[] = [];
  readonly #samples: readonly Sample[];
  readonly #books: Ledger;
  readonly #files: Client<typeof files.methods>;
  readonly #users: Client<typeof users.methods>;
  #nextFile = 0;
  #nextUser = 0;
  #nextGet = 0;
  #faulty = 0;

  constructor(caller: ActorNode, samples: readonly Sample[], books: Ledger) {
    this.#samples = samples;
    this.#books = books;
    this.#files = caller.client(files);
    this.#users = caller.client(users);
  }

  /** Changes accepted and not finished, those left out that can never be. */
  get waiting(): number {
    return this.accepted.size - this.#faulty - this.#books.finished.size;
  }

  /** Hands out work until `over`, and every file at least once; resolves when each request has its answer. */
  async run(over: () => boolean): Promise<void> {
    const goOn = (): boolean => !over() && !this.#hopeless;
    const together = (count: number, work: () => Promise<void>): Promise<unknown> =>
      Promise.all(Array.from({ length: count }, work));
    await Promise.all([
      together(OUTSTANDING.examine, async () => {
        while (goOn() || (this.#nextFile < this.#samples.length && !this.#hopeless)) await this.#examineOne();
      }),
      together(OUTSTANDING.get, async () => {
        while (goOn()) await (this.#books.created.length === 0 ? sleep(5) : this.#getOne());
      }),
      together(OUTSTANDING.change, async () => {
        while (goOn()) await (this.waiting >= MAX_WAITING ? sleep(5) : this.#changeOne());
      }),
    ]);
  }

  /** Not one request is expected to fail. When this many have, the sums will not hold, and more would prove nothing. */
  get #hopeless(): boolean {
    return this.examine.failed + this.get.failed + this.change.failed >= GIVE_UP_AFTER;
  }

  async #examineOne(): Promise<void> {
    const sample = this.#samples[this.#nextFile % this.#samples.length]!;
    this.#nextFile += 1;
    const answer = await this.examine.measure(() => this.#files.examine({ bytes: sample.bytes }));
    if (answer === undefined) return;
    const { words, sha256, by } = answer.value;
    this.#count(by);
    if (words !== sample.words || sha256 !== sample.sha256) this.wrong.push(sample.path);
  }

  async #getOne(): Promise<void> {
    const { created } = this.#books;
    const id = created[this.#nextGet % created.length]!;
    this.#nextGet += 1;
    const answer = await this.get.measure(() => this.#users.get({ id }));
    if (answer === undefined) return;
    this.#count(answer.value.by);
    if (!matches(answer.value, id)) this.wrong.push(`user ${id}`);
  }

  /** Creates a user and sets its plan; the two may be handled in either order. */
  async #changeOne(): Promise<void> {
    const id = this.#nextUser;
    this.#nextUser += 1;
    const { name, email, plan } = userOf(SEED, id);
    const [create, update] = [2 * id, 2 * id + 1];
    if (await this.change.measure(() => this.#users.create.cast({ op: create, id, name, email }))) {
      this.accepted.add(create);
      if (isFaulty(id)) this.#faulty += 1;
    }
    if (await this.change.measure(() => this.#users.update.cast({ op: update, id, plan }))) this.accepted.add(update);
  }

  #count(by: number): void {
    this.answeredBy.set(by, (this.answeredBy.get(by) ?? 0) + 1);
  }
}

/** The plan may still be unset: it comes by a cast of its own. */
function matches(answer: { name: string; email: string; plan: string }, id: number): boolean {
  const user = userOf(SEED, id);
  const planFits = answer.plan === '' || answer.plan === user.plan;
  return answer.name === user.name && answer.email === user.email.toLowerCase() && planFits;
}
