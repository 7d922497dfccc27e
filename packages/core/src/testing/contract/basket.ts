import type { Claim, MailboxReader } from '../../ports/broker.ts';
import { waitFor } from '../wait-for.ts';
import { DEADLINE_MS } from './times.ts';

/** An intake that keeps what it is given, as far as it was said to have room. */
export class Basket {
  readonly claims: Claim[] = [];
  room: number;
  reader: MailboxReader | undefined = undefined;
  readonly #who: string;

  constructor(who: string, room: number) {
    this.#who = who;
    this.room = room;
  }

  take(claims: readonly Claim[]): void {
    this.room -= claims.length;
    this.claims.push(...claims);
  }

  /** Has room for more frames and says so. */
  makeRoom(frames: number): void {
    this.room += frames;
    this.reader?.wake();
  }

  /** Resolves with the claim of that position once so many have arrived. */
  async claim(position: number): Promise<Claim> {
    await this.holds(position + 1);
    return this.claims[position] as Claim;
  }

  async holds(frames: number): Promise<readonly Claim[]> {
    await waitFor(() => this.claims.length >= frames, {
      withinMs: DEADLINE_MS,
      what: `claim ${frames} of ${this.#who} (it has ${this.claims.length})`,
    });
    return this.claims;
  }

  texts(): string[] {
    return this.claims.map((claim) => textOf(claim.frame));
  }
}

/** Frames are opaque to a backend: any bytes do. */
export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function textOf(frame: Uint8Array): string {
  return new TextDecoder().decode(frame);
}
