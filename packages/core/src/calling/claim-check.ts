/**
 * The claim check: a body too large to wait in a mailbox is left beside it, and what travels only says under which key.
 * Whoever knows the key can read it: it is made of 126 random bits.
 */
import { nanoid } from 'nanoid';
import { asHomeostatError, ClaimedBodyGone, PayloadTooLarge, type HomeostatError } from '../ground/errors.ts';
import { MAX_CLAIMED_BYTES, type ClaimCheckPolicy } from '../policies/service-settings.ts';
import type { StateStore } from '../ports/state.ts';
import { encodeBody } from '../wire/frame.ts';

/** No namespace of users' state has such a name. */
const SPACE = '$bodies';
/** What `nanoid` makes; anything else was not left by us. */
const KEY = /^[\w-]{21}$/;

/** Sends a body, or what says where it is; with `maxBytes` only when it is no larger. @throws PayloadTooLarge */
export type SendBody = (body: unknown, claim: string | undefined, maxBytes: number | undefined) => void;

/** Who waits for what is sent. */
interface Sender {
  readonly wanted: boolean;
  fail(error: HomeostatError): void;
}

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

  /**
   * Sends a body; one that is too large is left first, and its time begins when its message is due.
   * @param policy false: it is refused instead. @param untilDue ms. @throws what `send` throws
   */
  send(body: unknown, policy: ClaimCheckPolicy | false, sender: Sender, untilDue: number, send: SendBody): void {
    if (policy === false) return send(body, undefined, undefined);
    try {
      send(body, undefined, policy.overBytes);
    } catch (thrown) {
      if (!(thrown instanceof PayloadTooLarge)) throw thrown;
      this.leave(body, policy.ttlMs + untilDue)
        .then((claim) => {
          if (sender.wanted) send(undefined, claim, undefined);
        })
        .catch((failure: unknown) => sender.fail(asHomeostatError(failure)));
    }
  }

  /** @throws ClaimedBodyGone, TransportError */
  async collect(key: string): Promise<Uint8Array> {
    const [answer] = KEY.test(key) ? await this.#store.each(SPACE, [{ kind: 'get', key, renew: false }]) : [];
    if (answer?.kind !== 'entry') throw new ClaimedBodyGone(key);
    return answer.entry.body;
  }
}
