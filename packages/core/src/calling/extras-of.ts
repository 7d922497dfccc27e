import type { Wish } from '../resilience/request.ts';
import type { Extras } from '../wire/envelope.ts';
import { TAGS_HEADER } from './routing-headers.ts';

/** What may travel beside a request. */
interface Beside {
  readonly id?: string | undefined;
  readonly key?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly wish?: Wish | undefined;
  readonly orphan?: 'skip' | 'run' | undefined;
  readonly stream?: { readonly until: number } | undefined;
}

/** What travels beside a request because it was asked for; undefined: nothing. */
export function extrasOf({ id, key, headers, wish, orphan, stream }: Beside): Extras | undefined {
  const tags = wish?.tags;
  const skip = orphan === 'skip';
  const until = stream === undefined || stream.until === 0 ? undefined : stream.until;
  const plain = id === undefined && key === undefined && headers === undefined && tags === undefined;
  if (plain && !skip && until === undefined) return undefined;
  const all = tags === undefined ? headers : { ...headers, [TAGS_HEADER]: tags.join(',') };
  return {
    ...(id === undefined ? undefined : { id }),
    ...(key === undefined ? undefined : { key }),
    ...(all === undefined ? undefined : { headers: all }),
    ...(skip ? { orphan } : undefined),
    ...(until === undefined ? undefined : { until }),
  };
}

/** Beside them: where the body was left. */
export function withClaim(extras: Extras | undefined, claim: string | undefined): Extras | undefined {
  return claim === undefined ? extras : { ...extras, claim };
}
