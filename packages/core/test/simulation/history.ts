/** What happened in one simulation, in order; checks read nothing else. */

interface At {
  /** Virtual time, ms. */
  readonly at: number;
}

/** A handler runs. `run` is its number, unique in the history. */
export interface Started extends At {
  readonly type: 'started';
  readonly run: number;
  readonly op: string;
  /** The id that a message keeps over its redeliveries. */
  readonly message: string;
  readonly attempt: number;
  /** The member that the node was then. */
  readonly member: string;
  readonly key?: string | undefined;
}

export type Happening =
  /** A request is about to be sent. `once`: the id under which it and others are the same. */
  | (At & {
      readonly type: 'sent';
      readonly op: string;
      readonly kind: 'cast' | 'call';
      readonly by: string;
      /** Of a call: for how long its answer is wanted, ms. */
      readonly timeoutMs?: number | undefined;
      readonly key?: string | undefined;
      /** Place among the requests of one process to one key, which shall run in this order. */
      readonly turn?: number | undefined;
      readonly once?: string | undefined;
      /** A cast that its handler sends on, if it changes the state of its key. */
      readonly onward?: string | undefined;
    })
  /** A cast was accepted. */
  | (At & { readonly type: 'accepted'; readonly op: string })
  /** A call was answered: by the run that the answer names. */
  | (At & { readonly type: 'answered'; readonly op: string; readonly byOp: string; readonly run: number })
  | (At & { readonly type: 'refused'; readonly op: string; readonly code: string; readonly outcome: string })
  | Started
  | (At & { readonly type: 'ended'; readonly run: number; readonly how: 'done' | 'failed' })
  /** A message was found among the dead letters when all was over. */
  | (At & { readonly type: 'dead'; readonly op: string; readonly reason: string })
  /** A member owns a partition from now on, or no more. */
  | (At & { readonly type: 'owned' | 'released'; readonly partition: string; readonly member: string })
  /** The backend took a frame of this member: into a mailbox, an inbox. */
  | (At & { readonly type: 'wrote'; readonly method: string; readonly to: string; readonly member: string })
  /** State of a key when all was over: the ops that have been applied to it, in order. */
  | (At & { readonly type: 'state'; readonly key: string; readonly applied: readonly string[] })
  /** The backend knows this member from now on, or no more. */
  | (At & { readonly type: 'joined'; readonly member: string })
  | (At & { readonly type: 'gone'; readonly member: string })
  /** An entry was dealt to a member. `again`: it had been before, and was settled. */
  | (At & {
      readonly type: 'claimed';
      readonly entry: string;
      /** Frame that it holds: the part of a message's id before the dot. */
      readonly frame: string;
      readonly member: string;
      readonly again: boolean;
    })
  | (At & {
      readonly type: 'settled';
      readonly entry: string;
      readonly kind: string;
      readonly result: string;
      /** Nothing of the entry stays in hand. */
      readonly ends: boolean;
      readonly member: string;
    })
  /** Something was done to a process: crash, pause, … or it has begun to close. */
  | (At & { readonly type: 'fault'; readonly kind: string; readonly process: string; readonly ms?: number })
  /** What a node logged as warning or error. */
  | (At & { readonly type: 'log'; readonly process: string; readonly evt: string; readonly text: string })
  /** Something that never may happen: a promise that nobody caught, a mailbox that does not drain. */
  | (At & { readonly type: 'trouble'; readonly what: string });

type Unstamped<One> = One extends At ? Omit<One, 'at'> : never;
/** A happening that has not been given its moment. */
export type Told = Unstamped<Happening>;

export class History {
  readonly happenings: Happening[] = [];
  readonly #now: () => number;
  #runs = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  add(told: Told): void {
    this.happenings.push({ ...told, at: this.#now() });
  }

  /** Notes that a handler has started; the answer is the number of its run. */
  started(about: Omit<Started, 'type' | 'run' | 'at'>): number {
    this.#runs += 1;
    this.add({ type: 'started', run: this.#runs, ...about });
    return this.#runs;
  }
}

/** For people: one line each. */
export function render(history: readonly Happening[]): string {
  return history.map(line).join('\n');
}

function line({ at, type, ...rest }: Happening): string {
  const facts = Object.entries(rest)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${typeof value === 'object' ? JSON.stringify(value) : String(value)}`);
  return `${at.toFixed(1).padStart(9)} ${type.padEnd(8)} ${facts.join(' ')}`;
}
