/** The port `Limits`: a string for each bucket, a hash for each number of places. */
import { createHash } from 'node:crypto';
import { NotMember, type Limits, type PlaceClaim, type RateAnswer, type RateDraw } from './core.ts';
import type { Ground } from './ground.ts';
import { laneOfMailbox, placesKey, rateKey, type LaneKeys } from './keys.ts';
import { run } from './script.ts';

/** A longer name is kept as its digest, bytes. */
const MOST_NAME_BYTES = 128;

export class RedisLimits implements Limits {
  readonly #ground: Ground;

  constructor(ground: Ground) {
    this.#ground = ground;
  }

  async draw(service: string, draws: readonly RateDraw[]): Promise<readonly RateAnswer[]> {
    const lane = this.#lane(service);
    const answer = await run<(number | string)[]>(
      this.#ground.command,
      'ratedraw',
      draws.map(({ name }) => rateKey(lane, service, shortened(name))),
      [
        draws.length,
        ...draws.flatMap(({ perSecond, burst, wanted, returned, withinMs }) => [
          ...[perSecond, burst, wanted, returned],
          ...[Math.min(withinMs, Number.MAX_SAFE_INTEGER)],
        ]),
      ],
    );
    return draws.map((_, index) => ({ granted: Number(answer[2 * index]), leadMs: Number(answer[2 * index + 1]) }));
  }

  async share(service: string, claims: readonly PlaceClaim[]): Promise<readonly number[]> {
    const { command, identity, registration } = this.#ground;
    const { id } = registration;
    if (id === undefined) throw new NotMember(identity.name, 'not-executed');
    const lane = this.#lane(service);
    const answer = await run<number[] | 'not-member'>(
      command,
      'places',
      [lane.members, ...claims.map(({ name }) => placesKey(lane, service, shortened(name)))],
      [id, claims.length, ...claims.flatMap(({ max, using, wished }) => [max, using, wished])],
    );
    if (answer === 'not-member') {
      registration.lose(id, 'no member when places were shared');
      throw new NotMember(id, 'not-executed');
    }
    return answer;
  }

  #lane(service: string): LaneKeys {
    return this.#ground.lane(laneOfMailbox(service, this.#ground.lanes.length));
  }
}

function shortened(name: string): string {
  return Buffer.byteLength(name) <= MOST_NAME_BYTES ? name : `#${createHash('sha256').update(name).digest('hex')}`;
}
