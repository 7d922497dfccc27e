/** The main thread's side of the beat: starts the engine in its thread, or here when that fails, and keeps it told. */
import { Worker } from 'node:worker_threads';
import type { BeatNews, BeatOrder, BeatPlan } from './beat-words.ts';
import { BeatEngine } from './beat.ts';
import type { BeatThreadData } from './beat.thread.ts';
import type { Ground } from './ground.ts';
import { monotonic } from './time.ts';

/** The main thread says that it is alive this often, ms. */
const STAMP_MS = 250;
/** A beat without an answer gives its connection up after this, ms, or after half the time to live. */
const LONGEST_BEAT_MS = 2_000;
const SHORTEST_BEAT_MS = 300;

export class Heart {
  readonly #ground: Ground;
  readonly #hear: (news: BeatNews) => void;
  readonly #plan: BeatPlan;
  readonly #progress = new SharedArrayBuffer(8);
  readonly #stamps = new BigInt64Array(this.#progress);
  readonly #stamping: NodeJS.Timeout;
  #worker: Worker | undefined;
  #engine: BeatEngine | undefined;
  #closed = false;
  readonly #up: Promise<void>;
  #isUp: () => void = () => {};
  /** What a new engine must be told. */
  #id: string | undefined;
  #report = '';
  #vitals = '';
  #mailboxes: readonly string[] = [];
  #tickets = new Set<number>();

  constructor(ground: Ground, hear: (news: BeatNews) => void) {
    this.#ground = ground;
    this.#hear = hear;
    this.#up = new Promise((resolve) => (this.#isUp = resolve));
    this.#plan = { namespace: ground.identity.namespace, lanes: ground.options.lanes, beat: ground.identity.beat };
    this.#stamp();
    this.#stamping = setInterval(
      () => this.#stamp(),
      Math.min(STAMP_MS, Math.max(10, ground.identity.beat.stallMs / 4)),
    );
    this.#stamping.unref();
    if (ground.options.beatThread) this.#startThread();
    else this.#startHere();
  }

  /** Where the beat runs. */
  get threaded(): boolean {
    return this.#worker !== undefined;
  }

  /** Resolves once it can beat: a node that joins before could be declared dead while its thread is still loading. */
  up(): Promise<void> {
    return this.#up;
  }

  /** `report` is what it joined with. */
  start(id: string, report: string): void {
    this.#id = id;
    this.#report = report;
    this.#stamp();
    this.#post({ kind: 'start', id, report, stands: true });
  }

  report(report: string): void {
    if (report === this.#report) return;
    this.#report = report;
    this.#post({ kind: 'report', report });
  }

  vitals(vitals: string): void {
    if (vitals === this.#vitals) return;
    this.#vitals = vitals;
    this.#post({ kind: 'vitals', vitals });
  }

  serves(mailboxes: readonly string[]): void {
    this.#mailboxes = mailboxes;
    this.#post({ kind: 'serves', mailboxes });
  }

  now(ticket: number): void {
    this.#tickets.add(ticket);
    this.#post({ kind: 'now', ticket });
  }

  stop(): void {
    this.#id = undefined;
    this.#tickets.clear();
    this.#post({ kind: 'stop' });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#isUp();
    clearInterval(this.#stamping);
    this.#engine?.close();
    const worker = this.#worker;
    this.#worker = undefined;
    if (worker === undefined) return;
    worker.postMessage('close');
    await worker.terminate();
  }

  #stamp(): void {
    Atomics.store(this.#stamps, 0, BigInt(Math.floor(monotonic())));
  }

  #post(order: BeatOrder): void {
    if (this.#worker !== undefined) this.#worker.postMessage(order);
    else this.#engine?.handle(order);
  }

  #startThread(): void {
    const { options } = this.#ground;
    const data: BeatThreadData = {
      plan: this.#plan,
      connection: options.connection,
      address: options.address,
      socketTimeoutMs: this.#socketTimeoutMs(),
      progress: this.#progress,
    };
    try {
      // Run from sources, the file ends in .ts; the literal is what bundlers look for.
      const file = import.meta.url.endsWith('.ts')
        ? new URL('beat.thread.ts', import.meta.url)
        : new URL('./beat.thread.js', import.meta.url);
      const worker = new Worker(file, { workerData: data, env: {}, name: 'homeostat beat' });
      this.#worker = worker;
      worker.unref();
      worker.on('message', (news: BeatNews) => this.#heard(news));
      worker.on('error', (error: unknown) => this.#threadEnded(worker, error));
      worker.on('exit', (code) => this.#threadEnded(worker, new Error(`it ended with code ${code}`)));
    } catch (error) {
      this.#worker = undefined;
      this.#startHere(error);
    }
  }

  #threadEnded(worker: Worker, error: unknown): void {
    if (this.#closed || this.#worker !== worker) return;
    this.#worker = undefined;
    this.#startHere(error);
  }

  #startHere(why?: unknown): void {
    if (why !== undefined) {
      this.#ground.log.warn(
        { why: why instanceof Error ? why.message : 'unknown' },
        'the beat thread cannot run; beating on the main thread: handlers that block it for longer than the time to live lose this node. A bundler must copy beat.thread.js beside the bundle.',
      );
    }
    const connection = this.#ground.connection({
      purpose: 'beat',
      socketTimeoutMs: this.#socketTimeoutMs(),
      cork: true,
    });
    this.#engine = new BeatEngine(this.#plan, connection, monotonic, (news) => this.#heard(news));
    this.#engine.handle({ kind: 'serves', mailboxes: this.#mailboxes });
    this.#isUp();
    if (this.#id === undefined) return;
    this.#engine.handle({ kind: 'start', id: this.#id, report: this.#report, stands: false });
    this.#engine.handle({ kind: 'vitals', vitals: this.#vitals });
    for (const ticket of this.#tickets) this.#engine.handle({ kind: 'now', ticket });
  }

  #socketTimeoutMs(): number {
    return Math.max(SHORTEST_BEAT_MS, Math.min(LONGEST_BEAT_MS, this.#plan.beat.ttlMs / 2));
  }

  #heard(news: BeatNews): void {
    if (this.#closed) return;
    if (news.kind === 'up') this.#isUp();
    if (news.kind === 'beaten') for (const ticket of news.tickets) this.#tickets.delete(ticket);
    this.#hear(news);
  }
}
