/** What a verb of the command line is: it judges its words before anything is connected, then works on a node. */
import type { ActorNode } from '@homeostat/core';
import type { Arguments } from './arguments.ts';

export interface Verb {
  readonly name: string;
  /** What may follow `homeostat`, a line for each form. */
  readonly synopses: readonly string[];
  /** One line. */
  readonly summary: string;
  /** What else there is to know, in lines of at most 100 characters. */
  readonly about: readonly string[];
  readonly options?: Readonly<Record<string, Option>>;
  readonly examples: readonly string[];
  /** @throws UsageError */
  plan(given: Arguments): Work;
}

export interface Option {
  /** What its value is called, `<text>`; absent: it takes none. */
  readonly value?: string | undefined;
  readonly says: string;
}

/** Answers undefined where all is said already. */
export type Work = (session: Session) => Promise<Answer | undefined>;

export interface Session {
  readonly node: ActorNode;
  readonly namespace: string;
  /** Who does this, for histories. */
  readonly by: string;
  /** Says something before the end; as JSON it is one line. */
  readonly say: (said: Answer) => void;
  /** Resolves when whoever has started this wants it to end, or reads no longer. */
  readonly untilInterrupted: () => Promise<void>;
}

export interface Answer {
  /** For machines, as JSON. */
  readonly data: unknown;
  /** For people. */
  readonly text: string;
}
