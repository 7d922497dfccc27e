/** The port `Breakers`: one hash for each, in the lane of the news, so that a transition and its news are one step. */
import { nanoid } from 'nanoid';
import type { Argument } from './connection.ts';
import {
  ConfigError,
  type BreakerForce,
  type BreakerPolicy,
  type BreakerState,
  type BreakerTally,
  type Breakers,
  type ProbeAnswer,
} from './core.ts';
import type { Ground } from './ground.ts';
import { CONTROL_LANE, breakerKeys } from './keys.ts';
import { run } from './script.ts';

const MOST_NAME_CHARACTERS = 256;
/** Of a reason, and of who gives it; the rest is cut off. */
const MOST_TEXT_CHARACTERS = 256;
/** Pages that are read of all breakers: 256,000 of them. */
const MOST_PAGES = 1_000;

export class RedisBreakers implements Breakers {
  readonly #ground: Ground;

  constructor(ground: Ground) {
    this.#ground = ground;
  }

  /** Throws `ConfigError` for a name that is empty or longer than 256 characters, as all methods with a name do. */
  async record(
    name: string,
    tally: BreakerTally,
    policy: BreakerPolicy,
    by: string,
    known?: BreakerState,
  ): Promise<BreakerState> {
    const { successes, failures, trailingFailures, probe } = tally;
    return toState(
      await run<string>(this.#ground.command, 'outcome', this.#keys(name), [
        name,
        short(by),
        successes,
        failures,
        trailingFailures,
        probe ?? '',
        ...policyArguments(policy),
        ...knownArguments(known),
      ]),
    );
  }

  async probe(name: string, leaseMs: number, _policy: BreakerPolicy, by: string): Promise<ProbeAnswer> {
    const token = nanoid();
    const [granted, retryAt, text] = await run<[granted: string, retryAt: string, state: string]>(
      this.#ground.command,
      'probe',
      this.#keys(name),
      [name, short(by), token, Math.max(1, Math.ceil(leaseMs))],
    );
    const state = toState(text);
    return granted === '1' ? { kind: 'granted', token, state } : { kind: 'refused', retryAt: Number(retryAt), state };
  }

  async release(name: string, token: string): Promise<void> {
    await run<number>(this.#ground.command, 'unprobe', this.#keys(name).slice(0, 1), [token]);
  }

  async force(name: string, { to, reason, by, ttlMs }: BreakerForce): Promise<BreakerState> {
    const lasting = ttlMs === undefined ? '' : Math.max(1, Math.ceil(ttlMs));
    return toState(
      await run<string>(this.#ground.command, 'force', this.#keys(name), [name, to, short(reason), short(by), lasting]),
    );
  }

  async all(): Promise<readonly BreakerState[]> {
    const { breaker: prefix, breakers } = breakerKeys(this.#ground.lane(CONTROL_LANE), '');
    const states: BreakerState[] = [];
    let after = '';
    for (let page = 0; page < MOST_PAGES; page += 1) {
      const [last, ...texts] = await run<[last: string, ...states: string[]]>(
        this.#ground.command,
        'breakers',
        [breakers],
        [prefix, after],
      );
      for (const text of texts) states.push(toState(text));
      if (last === '') break;
      after = last;
    }
    return states;
  }

  #keys(name: string): readonly string[] {
    if (name === '' || name.length > MOST_NAME_CHARACTERS) {
      throw new ConfigError(`the name of a breaker must have 1 to ${MOST_NAME_CHARACTERS} characters`);
    }
    const lane = this.#ground.lane(CONTROL_LANE);
    const { breaker, breakers } = breakerKeys(lane, name);
    return [breaker, breakers, lane.news, lane.newsSeq];
  }
}

function policyArguments(policy: BreakerPolicy): Argument[] {
  return [
    policy.failureThreshold,
    policy.failureRate,
    policy.minCalls,
    policy.windowMs,
    policy.successThreshold,
    policy.openMs,
    policy.maxOpenMs,
    policy.rampMs,
    policy.quorum,
  ];
}

function knownArguments(known: BreakerState | undefined): Argument[] {
  if (known === undefined) return [''];
  return [
    known.phase,
    known.changes,
    known.changedAt,
    known.openUntil,
    known.openings,
    known.failuresInRow,
    known.failures,
    known.successes,
    short(known.reason),
    short(known.by),
    known.manual ? '1' : '0',
  ];
}

function short(text: string): string {
  return text.slice(0, MOST_TEXT_CHARACTERS);
}

/** The scripts read every field as a number or a text before they show it. */
function toState(text: string): BreakerState {
  return JSON.parse(text) as BreakerState;
}
