/** The words and options of one verb, taken out by what they must be. */
import { milliseconds } from './duration.ts';
import { UsageError } from './usage-error.ts';

/** One word for each name. */
type Words<Names extends readonly string[]> = readonly [...{ [Name in keyof Names]: string }];

export class Arguments {
  readonly #words: readonly string[];
  readonly #options: Readonly<Record<string, string | boolean | undefined>>;

  constructor(words: readonly string[], options: Readonly<Record<string, string | boolean | undefined>>) {
    this.#words = words;
    this.#options = options;
  }

  /** Exactly these words, in order. @throws UsageError */
  words<const Names extends readonly string[]>(...names: Names): Words<Names> {
    const [words, extra] = this.split(...names);
    if (extra.length > 0) throw new UsageError(`"${extra[0]}" is too much`);
    return words;
  }

  /** These words, then as many as there are. @throws UsageError */
  split<const Names extends readonly string[]>(...names: Names): [words: Words<Names>, rest: readonly string[]] {
    const missing = names[this.#words.length];
    if (missing !== undefined) throw new UsageError(`<${missing}> is missing`);
    if (this.#words.includes('')) throw new UsageError('a word is empty');
    const words = this.#words.slice(0, names.length) as unknown as Words<Names>;
    return [words, this.#words.slice(names.length)];
  }

  /** These words, and perhaps one more. @throws UsageError */
  upTo<const Names extends readonly string[]>(...names: Names): [words: Words<Names>, more: string | undefined] {
    const [words, [more, extra]] = this.split(...names);
    if (extra !== undefined) throw new UsageError(`"${extra}" is too much`);
    return [words, more];
  }

  has(name: string): boolean {
    return this.#options[name] !== undefined;
  }

  flag(name: string): boolean {
    return this.#options[name] === true;
  }

  text(name: string): string | undefined {
    const given = this.#options[name];
    return typeof given === 'string' ? given : undefined;
  }

  /** One of these words. @throws UsageError */
  choice<const Choice extends string>(name: string, choices: readonly Choice[]): Choice | undefined {
    const given = this.text(name);
    return given === undefined ? undefined : oneOf(given, choices);
  }

  /** @throws UsageError */
  whole(name: string): number | undefined {
    const given = this.text(name);
    if (given === undefined) return undefined;
    if (!/^\d{1,15}$/.test(given)) throw new UsageError(`--${name} must be a whole number, not "${given}"`);
    return Number(given);
  }

  /** A span of time, ms. @throws UsageError */
  span(name: string): number | undefined {
    const given = this.text(name);
    if (given === undefined) return undefined;
    const ms = milliseconds(given);
    if (ms === undefined)
      throw new UsageError(`--${name} must be a time with its unit, such as 500ms, 30s, 10m, 2h, 1d; not "${given}"`);
    return ms;
  }
}

/** @throws UsageError */
export function oneOf<const Choice extends string>(word: string, choices: readonly Choice[]): Choice {
  const chosen = choices.find((choice) => choice === word);
  if (chosen === undefined) throw new UsageError(`"${word}" must be one of ${choices.join(', ')}`);
  return chosen;
}
