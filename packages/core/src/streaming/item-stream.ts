/** What a method that yields answers its caller with: a stream that is asked for when its first item is. */
import { Aborted, HomeostatError } from '../ground/errors.ts';
import { OwnScope, type Scope } from '../ground/scope.ts';

/**
 * The items of an answer, in order, as `for await` reads them. Nothing is sent before the first is asked for. Leaving the
 * loop, `return()` and the caller's signal stop whoever produces them.
 */
export interface ItemStream<Item> extends AsyncIterableIterator<Item, undefined, undefined>, AsyncDisposable {
  /** Rejects once, with what ended the stream before its end, after every item that came before. */
  next(): Promise<IteratorResult<Item, undefined>>;
  return(): Promise<IteratorResult<Item, undefined>>;
  [Symbol.asyncIterator](): ItemStream<Item>;
}

export type Step = IteratorResult<unknown, undefined>;

const END: Step = Object.freeze({ done: true, value: undefined });

/** The answer of an iterator that has nothing more. */
export function ended(): Promise<Step> {
  return Promise.resolve(END);
}

export function isIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof (value as Partial<AsyncIterable<unknown>> | null | undefined)?.[Symbol.asyncIterator] === 'function';
}

export class LazyStream implements ItemStream<unknown> {
  readonly #open: (scope: Scope) => Promise<unknown>;
  readonly #subject: string;
  /** Ends the asking, when the reader leaves before there is anything to read. */
  readonly #asking = new OwnScope();
  #opened: Promise<AsyncIterator<unknown>> | undefined;
  #items: AsyncIterator<unknown> | undefined;
  #over = false;

  /** @param open asks for the stream; it resolves with something that can be iterated. */
  constructor(subject: string, open: (scope: Scope) => Promise<unknown>) {
    this.#subject = subject;
    this.#open = open;
  }

  next(): Promise<Step> {
    if (this.#items !== undefined) return this.#items.next() as Promise<Step>;
    if (this.#over) return ended();
    this.#opened ??= this.#begin();
    return this.#opened.then(
      (items) => items.next() as Promise<Step>,
      (thrown: unknown) => this.#failed(thrown as HomeostatError),
    );
  }

  async return(): Promise<Step> {
    this.#over = true;
    const left = this.#items?.return?.();
    // Whatever stands between the reader and what arrives may not have let go of it.
    this.#asking.giveUp(new Aborted(this.#subject, 'the reader has left'));
    await left;
    return END;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async #begin(): Promise<AsyncIterator<unknown>> {
    const stream = await this.#open(this.#asking);
    if (!isIterable(stream)) {
      this.#asking.giveUp(new Aborted(this.#subject, 'nobody reads it'));
      throw new HomeostatError(
        'CONFIG',
        `${this.#subject} answers with a stream: client middleware must return what next() answered, or another async iterable`,
        { outcome: 'unknown' },
      );
    }
    const items = stream[Symbol.asyncIterator]();
    if (this.#over) await items.return?.();
    this.#items = items;
    return items;
  }

  /** Several may wait for the first item: the first is told why there is none. */
  #failed(thrown: HomeostatError): Promise<Step> {
    if (this.#over) return ended();
    this.#over = true;
    return Promise.reject(thrown);
  }
}
