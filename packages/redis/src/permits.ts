/** The port `Permits`: one budget for each service, drawn from in one step. */
import { BUDGET_SECONDS, type PermitAnswer, type PermitRequest, type Permits } from './core.ts';
import type { Ground } from './ground.ts';
import { laneOfMailbox, retriesKey } from './keys.ts';
import { run } from './script.ts';

/** Granted by one request: who wants more asks again. */
const MOST_GRANTED = 10_000;

export class RedisPermits implements Permits {
  readonly #ground: Ground;

  constructor(ground: Ground) {
    this.#ground = ground;
  }

  async take(service: string, request: PermitRequest): Promise<PermitAnswer> {
    const { lanes, command } = this.#ground;
    const lane = this.#ground.lane(laneOfMailbox(service, lanes.length));
    const wanted = Math.min(request.wanted, MOST_GRANTED);
    const [granted, slot] = await run<[granted: number, slot: number]>(
      command,
      'permits',
      [retriesKey(lane, service)],
      [request.requests, wanted, request.ratio, request.minPerSecond, BUDGET_SECONDS],
    );
    const waitsMs = Array.from({ length: granted }, (_, index) => ((slot + index) % request.slots) * request.slotMs);
    return { granted, waitsMs };
  }
}
