/** Deliveries whose handlers run, chained through themselves: a set costs more than starting the handler does. */

/** What the chain links; whoever is chained embeds these fields so that no extra object is made for it. */
export interface Chained {
  before: Chained | undefined;
  after: Chained | undefined;
}

export class Chain<Link extends Chained> implements Iterable<Link> {
  readonly #head: Chained = { before: undefined, after: undefined };

  add(link: Link): void {
    const head = this.#head;
    const first = head.after;
    link.before = head;
    link.after = first;
    head.after = link;
    if (first !== undefined) first.before = link;
  }

  /** Nothing happens where it is not in the chain. */
  remove(link: Link): void {
    const { before, after } = link;
    if (before === undefined) return;
    before.after = after;
    if (after !== undefined) after.before = before;
    link.before = undefined;
    link.after = undefined;
  }

  /** Those that are in it when the walk begins. */
  *[Symbol.iterator](): IterableIterator<Link> {
    const links: Link[] = [];
    for (let link = this.#head.after; link !== undefined; link = link.after) links.push(link as Link);
    yield* links;
  }
}
