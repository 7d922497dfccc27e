/**
 * The port for what shall happen once: which message is the run of an id, what it answered, and who waits for that.
 *
 * An id has one run at a time. Its answer is kept before anybody is told, so that whoever has the message again after a
 * crash finds it; those who wait stay known until they were told.
 */

/** One message that asks to be the run of an id. */
export interface OnceRun {
  readonly mailbox: string;
  /** What stands for the id in this mailbox: printable ASCII without spaces and braces, at most 128. */
  readonly name: string;
  /** The message, the same through all its redeliveries: printable ASCII without spaces, at most 256. */
  readonly message: string;
}

/** Somebody who waits for the answer: the `correlation` of a call, and the inbox its reply goes to. */
export interface OnceWaiter {
  readonly inbox: string;
  readonly correlation: number;
}

export interface OnceBegin extends OnceRun {
  /** Absent: nobody waits, it is a cast. */
  readonly waiter?: OnceWaiter | undefined;
  /** Waiters of one id at most. */
  readonly maxWaiters: number;
  /** A run that nothing is heard of holds its id no longer than this, ms. */
  readonly holdMs: number;
}

/** `failed`: the body is that of an error. */
export interface OnceAnswer {
  readonly failed: boolean;
  readonly body: Uint8Array | undefined;
}

export type OnceBegun =
  /**
   * This message is the run now, on this node: nobody is, or it was already, or the node that has the run is no member any
   * more. `inherited`: another message was, and may have had its effect.
   */
  | { readonly kind: 'run'; readonly inherited: boolean }
  /** There is an answer. `waiters` are those who may not have been told; only the message that was the run gets them. */
  | { readonly kind: 'done'; readonly answer: OnceAnswer; readonly waiters: readonly OnceWaiter[] }
  /** Another message is the run: its answer goes to this waiter too. Of a cast: another cast is, and sees to its own end. */
  | { readonly kind: 'waits' }
  /** Another message is the run, and there is no room for a waiter, or a cast would have to wait for a call. */
  | { readonly kind: 'busy' }
  | { readonly kind: 'not-member' };

export type OnceEnd =
  /** The answer stands for `keepMs` from now on. */
  | { readonly kind: 'keep'; readonly answer: OnceAnswer; readonly keepMs: number }
  /** Whoever comes next with the id is its run. `wherever`: even if another node began this message's run. */
  | { readonly kind: 'free'; readonly wherever: boolean };

export type OnceEnded =
  /** `waiters` have not been told yet. */
  | { readonly kind: 'ended'; readonly waiters: readonly OnceWaiter[] }
  /** The run is not this message on this node any more; nothing was changed. */
  | { readonly kind: 'lost' }
  | { readonly kind: 'not-member' };

export interface Once {
  /** Repeating it after `unknown` is safe. */
  begin(begin: OnceBegin): Promise<OnceBegun>;
  /** Ends a run. An answer for an id that is not known (any more) is kept all the same. Repeating it after `unknown` is safe. */
  end(run: OnceRun, end: OnceEnd): Promise<OnceEnded>;
  /** The waiters of this message's run, which has ended, have been told. */
  told(run: OnceRun): Promise<void>;
}
