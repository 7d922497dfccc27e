/**
 * One actor on one node: what it is made of, and its life. Who has a place is in `places.ts`. A message comes by
 * `mailbox-intake.ts`, `pump.ts` gives it a place, `starting.ts` and `entrance.ts` let it pass, `runs.ts` runs it; it leaves by
 * one of the `exits.ts`, and `endings.ts` carries its ending out.
 */
import type { Batch } from './batch.ts';
import type { Delivery, DeliveryOwner } from './delivery.ts';
import type { DispatcherNeeds } from './dispatcher-needs.ts';
import { Endings } from './endings.ts';
import { Entrance } from './entrance.ts';
import { Exits } from './exits.ts';
import { NotMember, type HomeostatError } from '../ground/errors.ts';
import { hintsOf } from './hints.ts';
import type { LineIntake } from './line-intake.ts';
import { Lines } from './lines.ts';
import type { LocalRequest, LocalRun } from './local-call.ts';
import { LocalDeliveries } from './local-delivery.ts';
import { localRoom } from './local-room.ts';
import { MailboxIntake } from './mailbox-intake.ts';
import { Places } from './places.ts';
import type { Claim, Intake, MailboxReader } from '../ports/broker.ts';
import { Pump } from './pump.ts';
import { Runs } from './runs.ts';
import { ServiceTimes } from './service-times.ts';
import { Starting } from './starting.ts';
import { UnderWay } from './under-way.ts';
import { WaitingBatches, type WaitingLine } from './waiting-batches.ts';

export class Dispatcher implements Intake {
  readonly times: ServiceTimes = new ServiceTimes();
  readonly #needs: DispatcherNeeds;
  readonly #places: Places;
  readonly #endings: Endings;
  readonly #underWay: UnderWay;
  readonly #runs: Runs;
  readonly #entrance: Entrance;
  readonly #local: LocalDeliveries;
  /** Undefined: the mailbox has but one. */
  readonly #lines: Lines | undefined;
  readonly #waiting: WaitingLine;
  readonly #intake: MailboxIntake;
  readonly #pump: Pump;
  #stopped = false;
  #paused: string | undefined;

  constructor(needs: DispatcherNeeds) {
    const { times } = this;
    const freed = (batch: Batch): void => this.#pump.freed(batch);
    const left = (): void => this.#pump.run();
    const places = new Places(needs.pool, needs.policy.concurrency, needs.lines);
    const endings = needs.endings?.(freed) ?? new Endings(needs, freed);
    const underWay = new UnderWay(needs);
    const exits = new Exits(needs, { places, underWay, times, endings, left });
    const runs = new Runs(needs, exits, underWay);
    const entrance = new Entrance(needs, { runs, exits, underWay, endings });
    const starting = new Starting(needs, { places, entrance, runs, exits });
    const isStopped = (): boolean => this.#stopped;
    const local = new LocalDeliveries(localRoom(needs, { owner: runs, places, times, isStopped, left }));
    const lines =
      needs.lines &&
      new Lines({
        lines: needs.lines,
        partyOf: needs.partyOf,
        places,
        mayClaim: () => places.open && !this.#intake.full,
        typicalMs: () => times.typical,
        take: (claims, line) => this.take(claims, line),
      });
    const waiting = needs.waiting ?? lines ?? new WaitingBatches();
    const intake = new MailboxIntake(needs, { places, times, endings, waiting, lines });
    this.#needs = needs;
    this.#places = places;
    this.#endings = endings;
    this.#underWay = underWay;
    this.#runs = runs;
    this.#entrance = entrance;
    this.#local = local;
    this.#lines = lines;
    this.#waiting = waiting;
    this.#intake = intake;
    this.#pump = new Pump(needs, { places, waiting, local, intake, lines, starting, endings });
  }

  /** What deliveries of its mailbox that are made elsewhere belong to. */
  get owner(): DeliveryOwner {
    return this.#runs;
  }

  /** Envelopes that run now, local calls included. */
  get inFlight(): number {
    return this.#places.taken;
  }

  /** Whether such a handler runs now; local calls are not looked at. */
  runs(isSuch: (delivery: Delivery) => boolean): boolean {
    for (const delivery of this.#underWay.running) if (isSuch(delivery)) return true;
    return false;
  }

  /** Handlers that run at once at most, as far as its share does not say less. */
  get concurrency(): number {
    return this.#places.capacity.concurrency;
  }

  /** In flight ÷ concurrency, 0 to 1. */
  get load(): number {
    return Math.min(1, this.inFlight / this.concurrency);
  }

  /** Smoothed time its handlers take, over all methods, ms; undefined before the first has ended. */
  get serviceMs(): number | undefined {
    return this.times.average;
  }

  /** How long what was claimed first among what has not started waits by now, ms; 0 when nothing does. */
  get oldestWaitMs(): number {
    const { first } = this.#waiting;
    return first === undefined ? 0 : this.#needs.clock.elapsed() - first.claimedAt;
  }

  /** Envelopes a frame of this mailbox usually holds. */
  get frameSize(): number {
    return this.#intake.frameSize;
  }

  /** Part of its concurrency that it uses, 0 to 1, at least one place: so a heavier or healthier instance takes more. */
  get share(): number {
    return this.#places.capacity.share;
  }

  set share(share: number) {
    this.#places.capacity.share = share;
    this.#pump.run();
  }

  /** Why it is paused; undefined when it is not. */
  get paused(): string | undefined {
    return this.#paused;
  }

  /** Claims nothing from now on and hands back what has not started; what runs finishes. Local calls wait. */
  pause(reason: string): void {
    this.#paused = reason;
    if (!this.open) return;
    this.#places.open = false;
    this.#endings.handBack();
    this.#entrance.release();
  }

  resume(): void {
    this.#paused = undefined;
    if (this.open || this.#stopped) return;
    this.#places.open = true;
    this.#endings.keep();
    this.#pump.run();
  }

  /** Changes the concurrency (of a thread pool: its threads) at once; what runs beyond a smaller one finishes. */
  resize(concurrency: number): void {
    this.#places.capacity.resize(concurrency);
    this.#pump.run();
  }

  /** Whether a local call would start at once, and the load is below `maxLoad`. */
  hasRoom(maxLoad: number): boolean {
    const places = this.#places;
    if (!places.hasRoomHere || !places.open || this.load >= maxLoad) return false;
    return this.#local.waiting === 0 && places.taken < places.capacity.available;
  }

  /**
   * Runs a call in this process, without the backend. It waits for a place until its deadline; exactly one of the two is
   * called, maybe before this returns. Rejects with what a call by the mailbox would, `NodeClosed` once it is stopped.
   */
  runLocal(request: LocalRequest, resolve: (value: unknown) => void, reject: (error: Error) => void): LocalRun {
    return this.#local.run(request, resolve, reject);
  }

  attach(reader: MailboxReader): void {
    this.#intake.attach(reader);
    if (this.#stopped) void reader.close();
  }

  /** Whether it claims and starts: it is neither paused nor stopped. */
  get open(): boolean {
    return this.#places.open;
  }

  /** Whether it has a reader. That outlives an eviction: once the node has joined again it claims for the new id. */
  get reading(): boolean {
    return this.#intake.attached;
  }

  /** What claims for each line of its mailbox; undefined: there is but one, and it is the dispatcher that claims. */
  get intakes(): readonly LineIntake[] | undefined {
    return this.#lines?.intakes;
  }

  attachLine(line: LineIntake, reader: MailboxReader): void {
    line.attach(reader);
    if (this.#stopped) void reader.close();
  }

  /** What senders should know of this mailbox's methods, in the form of `frame-shares.ts`. */
  hints(): string {
    return hintsOf(this.#needs, this.times, this.concurrency);
  }

  room(): number {
    return this.#intake.room();
  }

  take(claims: readonly Claim[], line?: LineIntake): void {
    this.#intake.take(claims, line);
    this.#pump.run();
  }

  /** A caller does not want the answer to this call any more. False: it is not under way here. */
  cancel(caller: string, correlation: number): boolean {
    return this.#underWay.cancel(caller, correlation);
  }

  /** A node is no member any more: nobody waits for the answers to its calls. */
  callerGone(nodeId: string): void {
    this.#underWay.callerGone(nodeId);
  }

  /** The node was evicted: nothing in hand is ours any more. */
  drop(): void {
    this.#endings.dropAll();
    this.#underWay.stopRunning(new NotMember(this.#needs.memberId()));
    this.#waiting.clear();
    this.#entrance.release();
  }

  /** Stops claiming and starting; what has not started is handed back at once. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#places.open = false;
    this.#local.stop();
    await this.#intake.close();
    await this.#lines?.close();
    this.#waiting.clear();
    this.#endings.handBack();
    this.#entrance.release();
  }

  /** Resolves when nothing is in hand any more. */
  drained(): Promise<void> {
    const deliveries = this.#endings.drained();
    return this.#local.running === 0 ? deliveries : deliveries.then(() => this.#local.drained());
  }

  /** The time is up: what still runs is told to stop and handed back. */
  giveUp(reason: HomeostatError): void {
    this.#runs.giveUp(reason);
    this.#endings.handBackAll();
    this.#local.giveUp(reason);
  }
}
