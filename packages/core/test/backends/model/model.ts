import type { Claim } from '../../../src/ports/broker.ts';

export type State = 'live' | 'done' | 'dead' | 'dropped';

type Framed = Pick<Claim, 'frame'>;

interface Envelope {
  state: State;
  /** The member that holds it just now. */
  holder: string | undefined;
}

/** What a backend should know, kept as simply as possible: one record per envelope. */
export class Model {
  readonly #envelopes = new Map<string, Envelope>();
  /** Frames accepted so far; a frame's bytes are its number here. */
  frames = 0;
  accepted = 0;
  #complaint: Error | undefined;

  accept(count: number): void {
    for (let index = 0; index < count; index += 1)
      this.#envelopes.set(`${this.frames}.${index}`, { state: 'live', holder: undefined });
    this.frames += 1;
    this.accepted += count;
  }

  /** Notes what must not be, where nobody can catch it; `check` throws the first. */
  complain(error: Error): void {
    this.#complaint ??= error;
  }

  check(): void {
    if (this.#complaint !== undefined) throw this.#complaint;
  }

  /** A claim has arrived: all it has to do must live and be in nobody's hands. */
  claimed(claim: Claim, member: string): void {
    const keys = keysOf(claim, claim.todo ?? '1'.repeat(claim.count));
    if (keys.length === 0) this.complain(new Error(`entry ${claim.id} was claimed with nothing to do`));
    for (const key of keys) {
      const envelope = this.#at(key);
      const { state, holder } = envelope;
      if (state !== 'live') this.complain(new Error(`${key} is ${state} and was claimed by ${member}`));
      if (holder !== undefined) this.complain(new Error(`${key} is held by ${holder} and was claimed by ${member}`));
      envelope.holder = member;
    }
  }

  /** `mask` of the entry changes its state for good. */
  turn(entry: Framed, mask: string, from: State, to: State): void {
    for (const key of keysOf(entry, mask)) {
      const envelope = this.#at(key);
      if (envelope.state !== from) throw new Error(`${key} is ${envelope.state}, not ${from}, and was made ${to}`);
      envelope.state = to;
      envelope.holder = undefined;
    }
  }

  free(entry: Framed, mask: string): void {
    for (const key of keysOf(entry, mask)) this.#at(key).holder = undefined;
  }

  /** The member is gone: what it held is for the others. */
  release(member: string): void {
    for (const envelope of this.#envelopes.values()) if (envelope.holder === member) envelope.holder = undefined;
  }

  count(state: State): number {
    let count = 0;
    for (const envelope of this.#envelopes.values()) if (envelope.state === state) count += 1;
    return count;
  }

  #at(key: string): Envelope {
    const envelope = this.#envelopes.get(key);
    if (envelope === undefined) throw new Error(`${key} was never accepted`);
    return envelope;
  }
}

/** Names the envelopes of a mask: frame number and index. */
function keysOf(entry: Framed, mask: string): string[] {
  const frame = Number(new TextDecoder().decode(entry.frame));
  return [...mask].flatMap((bit, index) => (bit === '1' ? [`${frame}.${index}`] : []));
}
