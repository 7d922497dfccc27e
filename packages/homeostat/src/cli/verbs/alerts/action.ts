import type { Arguments } from '../../arguments.ts';
import type { Work } from '../../verb.ts';
import type { OptionName } from './options.ts';

/** One of the things that `homeostat alerts` does. */
export interface Action {
  readonly name: string;
  /** What may follow `homeostat`, a line for each form. */
  readonly synopses: readonly string[];
  readonly takes: readonly OptionName[];
  /** @throws UsageError */
  plan(given: Arguments): Work;
}
