/** Bounds how many calls of one service a node has under way, so that one slow service does not fill the node. */
import { Overloaded } from '../ground/errors.ts';
import type { Layer } from './request.ts';

/** One service's room, shared by every client of the node. */
export class Bulkhead {
  readonly service: string;
  /** Calls under way. */
  pending = 0;
  /** Calls refused. */
  refused = 0;

  constructor(service: string) {
    this.service = service;
  }
}

export class Bulkheads {
  readonly #bulkheads = new Map<string, Bulkhead>();

  of(service: string): Bulkhead {
    let bulkhead = this.#bulkheads.get(service);
    if (bulkhead === undefined) this.#bulkheads.set(service, (bulkhead = new Bulkhead(service)));
    return bulkhead;
  }
}

/** Rejects with `Overloaded` at once when `maxPending` calls are under way. */
export function bulkheading(bulkhead: Bulkhead, maxPending: number): Layer {
  return (next) => {
    const succeeded = (value: unknown): unknown => {
      bulkhead.pending -= 1;
      return value;
    };
    const failed = (thrown: unknown): never => {
      bulkhead.pending -= 1;
      throw thrown;
    };
    return (request) => {
      if (bulkhead.pending >= maxPending) {
        bulkhead.refused += 1;
        return Promise.reject(new Overloaded(bulkhead.service, maxPending));
      }
      bulkhead.pending += 1;
      return next(request).then(succeeded, failed);
    };
  };
}
