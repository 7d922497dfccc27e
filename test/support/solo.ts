/** A stage on which the test itself is the caller. */
import type { ActorNode, Client } from 'homeostat';
import type { Allowances, Findings } from './checker.ts';
import { HistoryWriter } from './history.ts';
import { recorded } from './outcome.ts';
import { Stage, type StageOptions } from './stage.ts';
import { work } from './work.ts';

type Input = Parameters<Client<typeof work.methods>['run']['cast']>[0];

export class Solo {
  readonly stage: Stage;
  readonly node: ActorNode;
  readonly api: Client<typeof work.methods>;
  readonly #history: HistoryWriter;
  #closed = false;

  private constructor(stage: Stage, node: ActorNode) {
    this.stage = stage;
    this.node = node;
    this.api = node.client(work);
    this.#history = new HistoryWriter(stage.folder, 'test');
  }

  static async open(options: StageOptions): Promise<Solo> {
    const stage = await Stage.open({ ...options, rate: 0 });
    try {
      return new Solo(stage, await stage.node('test'));
    } catch (error) {
      await stage.close();
      throw error;
    }
  }

  cast(job: Input): Promise<void> {
    return recorded(this.#history, job.id, false, () => this.api.run.cast(job));
  }

  call(job: Input, timeoutMs: number): Promise<void> {
    return recorded(this.#history, job.id, true, () => this.api.ask(job, { timeoutMs }));
  }

  /** When each of these was started, sent back, or ended; in the order of `ids`. */
  times(type: 'start' | 'end' | 'ok', ids: readonly string[]): number[][] {
    const byId = new Map<string, number[]>(ids.map((id) => [id, []]));
    for (const one of this.stage.history()) if (one.type === type) byId.get(one.id)?.push(one.at);
    return [...byId.values()];
  }

  /** Sends requests as one frame: by hints a sender learns how many may travel together. `send` must not wait. */
  async oneFrame(send: () => readonly Promise<void>[]): Promise<Promise<void>[]> {
    await this.stage.redis.command('HSET', this.stage.key('level:work@1'), 'hints', '*:128');
    await this.cast({ id: 'learner', ms: 0 });
    return [...send()];
  }

  async drain(allowed: Allowances): Promise<Findings> {
    await this.#leave();
    return this.stage.drain(allowed);
  }

  async close(): Promise<void> {
    await this.#leave();
    await this.stage.close();
  }

  async #leave(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.node.close({ drainMs: 0 });
    this.#history.close();
  }
}
