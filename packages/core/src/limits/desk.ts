/**
 * The limits of one actor on this node. Whatever asks while a question to the backend is under way joins the next one, so
 * that the busier it is the less a message costs.
 */
import type { Timers } from '../ground/clock.ts';
import { asHomeostatError, messageOf } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import type { Limits } from '../ports/limits.ts';
import type { RateTerms } from './bucket.ts';
import { Places } from './place.ts';
import { Rate } from './rate.ts';
import type { Holding } from './turn.ts';

/** Limits asked about in one go. */
const MOST_AT_ONCE = 128;

export interface DeskNeeds {
  readonly service: string;
  readonly limits: Limits;
  readonly timers: Timers;
  readonly log: Log;
  readonly holding: Holding;
  /** Nodes that serve it, this one included. */
  nodes(): number;
  serviceMs(): number;
}

export class Desk {
  readonly #needs: DeskNeeds;
  readonly #rates = new Map<string, Rate>();
  readonly #places = new Map<string, Places>();
  readonly #toDraw = new Set<Rate>();
  readonly #toSay = new Set<Places>();
  #drawing = false;
  #saying = false;
  #away = false;
  #closed = false;

  constructor(needs: DeskNeeds) {
    this.#needs = needs;
  }

  rate(name: string, terms: RateTerms): Rate {
    let rate = this.#rates.get(name);
    if (rate === undefined) {
      const { timers, holding } = this.#needs;
      const forget = (one: Rate): void => this.#forget(one);
      rate = new Rate(name, terms, { timers, holding, draw: (one) => this.#draw(one), forget });
      this.#rates.set(name, rate);
    }
    return rate;
  }

  places(name: string, max: number): Places {
    let places = this.#places.get(name);
    if (places === undefined) {
      const { timers, holding, serviceMs } = this.#needs;
      places = new Places(name, max, { timers, holding, serviceMs, say: (one) => this.#say(one) });
      this.#places.set(name, places);
    }
    return places;
  }

  /** Who waits at the limits of these names does so no longer. */
  withdraw(rate: string | undefined, places: string | undefined, whose: object): void {
    if (rate !== undefined) this.#rates.get(rate)?.withdraw(whose);
    if (places !== undefined) this.#places.get(places)?.withdraw(whose);
  }

  /** Other terms hold, by name; undefined: none. */
  changed(ratesBy: (name: string) => RateTerms | undefined, placesBy: (name: string) => number | undefined): void {
    for (const rate of [...this.#rates.values()]) rate.changed(ratesBy(rate.name));
    for (const places of [...this.#places.values()]) places.changed(placesBy(places.name));
  }

  release(): void {
    for (const rate of [...this.#rates.values()]) rate.release();
    for (const places of [...this.#places.values()]) places.release();
  }

  /** The actor is served no more. */
  close(): void {
    this.#closed = true;
    for (const rate of [...this.#rates.values()]) rate.release();
    for (const places of [...this.#places.values()]) places.close();
  }

  #draw(rate: Rate): void {
    this.#toDraw.add(rate);
    if (this.#drawing) return;
    this.#drawing = true;
    // Whatever starts in this turn draws together.
    queueMicrotask(() => void this.#drawAll());
  }

  async #drawAll(): Promise<void> {
    const { limits, service, nodes } = this.#needs;
    while (this.#toDraw.size > 0) {
      const draws = some(this.#toDraw).map((rate) => ({ rate, request: rate.request() }));
      try {
        const answers = await limits.draw(
          service,
          draws.map(({ rate, request }) => ({ name: rate.name, ...request })),
        );
        this.#isThere();
        draws.forEach(({ rate, request }, index) => rate.answered(request, answers[index]!));
      } catch (thrown) {
        this.#isAway(thrown);
        for (const { rate, request } of draws) rate.alone(request, Math.max(1, nodes()));
      }
      for (const { rate } of draws) if (rate.idle) this.#forget(rate);
    }
    this.#drawing = false;
  }

  #forget(rate: Rate): void {
    if (this.#rates.get(rate.name) === rate) this.#rates.delete(rate.name);
  }

  #say(places: Places): void {
    this.#toSay.add(places);
    if (this.#saying) return;
    this.#saying = true;
    queueMicrotask(() => void this.#sayAll());
  }

  async #sayAll(): Promise<void> {
    const { limits, service } = this.#needs;
    while (this.#toSay.size > 0) {
      const saying = some(this.#toSay);
      try {
        const answers = await limits.share(
          service,
          saying.map((places) => places.claim()),
        );
        this.#isThere();
        saying.forEach((places, index) => places.answered(answers[index]!));
      } catch (thrown) {
        this.#isAway(thrown);
        const error = asHomeostatError(thrown);
        for (const places of saying) places.unanswered(error);
      }
      for (const places of saying) if (places.idle) this.#places.delete(places.name);
    }
    this.#saying = false;
  }

  #isAway(thrown: unknown): void {
    if (this.#away || this.#closed) return;
    this.#away = true;
    const { log, service } = this.#needs;
    log.warn(
      { evt: 'limits_local', service, reason: messageOf(thrown) },
      'limits cannot be shared: this node keeps to its part of them',
    );
  }

  #isThere(): void {
    if (!this.#away) return;
    this.#away = false;
    this.#needs.log.info({ evt: 'limits_shared', service: this.#needs.service }, 'limits are shared again');
  }
}

/** Takes out as many as may be asked about together. */
function some<Item>(from: Set<Item>): Item[] {
  const taken = [...from].slice(0, MOST_AT_ONCE);
  for (const item of taken) from.delete(item);
  return taken;
}
