/** Whether a node is still there, for those who must not be wrong: what this node has not heard of is asked of the backend. */
import { codeOf } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import type { Membership } from '../ports/membership.ts';

export interface PresenceOfNeeds {
  readonly membership: Pick<Membership, 'members'>;
  readonly log: Log;
  /** Whether this node's own picture has it. */
  has(nodeId: string): boolean;
}

/** Ids remembered of nodes that are no more; no id is given twice. */
const MOST_GONE = 10_000;

export class PresenceOf {
  readonly #needs: PresenceOfNeeds;
  readonly #gone = new Set<string>();
  readonly #asking = new Map<string, Promise<boolean>>();

  constructor(needs: PresenceOfNeeds) {
    this.#needs = needs;
  }

  /** The news have it: this node is no member any more. */
  gone(nodeId: string): void {
    this.#gone.add(nodeId);
    if (this.#gone.size <= MOST_GONE) return;
    const [first] = this.#gone;
    this.#gone.delete(first!);
  }

  /** Whether a node that has sent something is surely no member any more. Never rejects. */
  isGone(nodeId: string): boolean | Promise<boolean> {
    if (this.#gone.has(nodeId)) return true;
    if (this.#needs.has(nodeId)) return false;
    // Its first message came before this question, and it joined before that: who asks later may have the same answer.
    let asking = this.#asking.get(nodeId);
    if (asking === undefined) {
      asking = this.#ask(nodeId).finally(() => this.#asking.delete(nodeId));
      this.#asking.set(nodeId, asking);
    }
    return asking;
  }

  async #ask(nodeId: string): Promise<boolean> {
    try {
      const { members } = await this.#needs.membership.members();
      if (members.some(({ id }) => id === nodeId)) return false;
      this.gone(nodeId);
      return true;
    } catch (thrown) {
      this.#needs.log.debug({ evt: 'presence_unknown', nodeId, code: codeOf(thrown) }, 'taken to be there');
      return false;
    }
  }
}
