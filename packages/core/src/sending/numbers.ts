/**
 * Numbers for frames. One row for all mailboxes and their targets: with the id of the node that sent it, a frame's number
 * names it, and each message in it by its place, wherever it lies.
 */
export class Numbers {
  /** The next one to be given out. */
  next = 1;

  /** The first of `count` that follow each other. */
  take(count: number): number {
    const first = this.next;
    this.next += count;
    return first;
  }
}
