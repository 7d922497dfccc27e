/** What a balancing strategy is: it picks one of the instances that may be picked. */
import type { Instance } from '../registry/instance.ts';

/** What a strategy may know besides the instances; bound to one service. */
export interface Figures {
  /** From 0 up to, not including, 1. */
  random(): number;
  /** What this node has under way at another. */
  inFlight(nodeId: string): number;
}

/** Answers the index of its choice. There is at least one instance; the list never changes once it was seen. */
export type Strategy = (instances: readonly Instance[], key: string | undefined) => number;

/** One strategy per service: it may remember. */
export type MakeStrategy = (figures: Figures) => Strategy;

export interface SelectAsk extends Figures {
  readonly service: string;
  /** What the request is about, for strategies that keep equal keys together. */
  readonly key: string | undefined;
}

/**
 * A strategy of your own. It gets only instances that may be picked, at least one, and answers one of them. When it
 * throws or answers something else, round robin picks in its place.
 */
export type SelectFunction = (instances: readonly Instance[], ask: SelectAsk) => Instance | undefined;
