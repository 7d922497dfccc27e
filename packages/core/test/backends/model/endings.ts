import type { Claim, Settlement } from '../../../src/ports/broker.ts';

export type EndingKind = 'done' | 'progress' | 'mark' | 'retry' | 'bury' | 'park';

/** A claim in a node's hands, and what the node still has to do of it. */
export interface Hand {
  readonly claim: Claim;
  todo: string;
}

/** A settlement, and what it means to the model. All masks. */
export interface Ending {
  readonly settlement: Settlement;
  /** Ends for good, as `to`. */
  readonly ended: string;
  readonly to: 'done' | 'dead';
  /** Stays in hand. */
  readonly kept: string;
  /** Lives on, for anybody. */
  readonly freed: string;
}

/** The ending of that kind for those envelopes of the hand which `bits` chooses; nothing when it would say nothing. */
export function planEnding(kind: EndingKind, hand: Hand, bits: number, at: number): Ending | undefined {
  const { claim, todo } = hand;
  const moved = chooseBits(todo, bits);
  const rest = minus(todo, moved);
  const copy = { moved, deliveries: 1, history: '[]', ...(hasBits(rest) ? { todo: rest } : undefined) };
  const nothing = { ended: '', to: 'done', kept: '', freed: '' } as const;
  switch (kind) {
    case 'done':
      return { ...nothing, settlement: { kind, claim }, ended: todo };
    case 'progress':
      return { ...nothing, settlement: { kind, claim, todo: rest }, ended: moved, kept: rest };
    case 'mark':
      return { ...nothing, settlement: { kind, claim, todo, index: todo.indexOf('1') }, kept: todo };
    case 'park':
      return { ...nothing, settlement: { kind, claim, todo: rest }, ended: moved, freed: rest };
    case 'retry':
      if (!hasBits(moved)) return undefined;
      return { ...nothing, settlement: { kind, claim, at, ...copy }, kept: rest, freed: moved };
    case 'bury':
      if (!hasBits(moved)) return undefined;
      return { settlement: { kind, claim, reason: 'TIRED', ...copy }, ended: moved, to: 'dead', kept: rest, freed: '' };
  }
}

export function hasBits(mask: string): boolean {
  return mask.includes('1');
}

/** Those bits of the mask that `bits` chooses. */
export function chooseBits(mask: string, bits: number): string {
  return [...mask].map((bit, index) => (bit === '1' && (bits >> index) % 2 === 1 ? '1' : '0')).join('');
}

function minus(mask: string, taken: string): string {
  return [...mask].map((bit, index) => (bit === '1' && taken[index] !== '1' ? '1' : '0')).join('');
}
