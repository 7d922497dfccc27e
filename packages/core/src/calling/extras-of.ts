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
export function extrasOf(
  { id, key, headers, wish, orphan, stream }: Beside,
  tagged: Wish | undefined = wish,
): Extras | undefined {
  const tags = tagged?.tags;
  const skip = orphan === 'skip';
  const until = stream === undefined || stream.until === 0 ? undefined : stream.until;
  const plain = id === undefined && key === undefined && headers === undefined && tags === undefined;
  if (plain && !skip && until === undefined) return undefined;
  const all = tags === undefined ? headers : { ...headers, [TAGS_HEADER]: tags.join(',') };
  // One after the other: spreading what there is costs a microsecond a message.
  const extras: { -readonly [Name in keyof Extras]: Extras[Name] } = {};
  if (id !== undefined) extras.id = id;
  if (key !== undefined) extras.key = key;
  if (all !== undefined) extras.headers = all;
  if (skip) extras.orphan = orphan;
  if (until !== undefined) extras.until = until;
  return extras;
}

/** Beside them: where the body was left. */
export function withClaim(extras: Extras | undefined, claim: string | undefined): Extras | undefined {
  return claim === undefined ? extras : { ...extras, claim };
}
