/**
 * The claim check: a body too large to wait in a mailbox is left beside it, and what travels only says under which key.
 * Whoever knows the key can read it: it is made of 126 random bits.
 */
import { nanoid } from 'nanoid';
import { ClaimedBodyGone } from '../ground/errors.ts';
import { MAX_CLAIMED_BYTES } from '../policies/service-settings.ts';
import type { StateStore } from '../ports/state.ts';
import { encodeBody } from '../wire/frame.ts';

/** No namespace of users' state has such a name. */
const SPACE = '$bodies';
/** What `nanoid` makes; anything else was not left by us. */
const KEY = /^[\w-]{21}$/;

export class ClaimCheck {
  readonly #store: StateStore;

  constructor(store: StateStore) {
    this.#store = store;
  }

  /**
   * Leaves a body for so long, ms, and answers its key.
   * @throws SerializationError, PayloadTooLarge, BackendFull, TransportError
   */
  async leave(body: unknown, ttlMs: number): Promise<string> {
    const bytes = encodeBody(body, MAX_CLAIMED_BYTES);
    const key = nanoid();
    if (bytes === undefined) return key;
    const [answer] = await this.#store.each(SPACE, [{ kind: 'set', key, body: bytes, ttlMs }]);
    if (answer?.kind === 'failed') throw answer.error;
    return key;
  }

  /** @throws ClaimedBodyGone, TransportError */
  async collect(key: string): Promise<Uint8Array> {
    const [answer] = KEY.test(key) ? await this.#store.each(SPACE, [{ kind: 'get', key, renew: false }]) : [];
    if (answer?.kind !== 'entry') throw new ClaimedBodyGone(key);
    return answer.entry.body;
  }
}
