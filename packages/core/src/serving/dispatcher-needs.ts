/** What one actor's dispatcher and its parts are made of. */
import type { Batch } from './batch.ts';
import type { Calling } from '../calling/calling.ts';
import type { Line } from '../contract/lines.ts';
import type { Clock } from '../ground/clock.ts';
import type { Deadlines } from '../ground/deadlines.ts';
import type { Log } from '../ground/log.ts';
import type { ActorPolicy } from '../node/options.ts';
import type { Stats } from '../node/stats.ts';
import type { Sending } from '../sending/sending.ts';
import type { Yielding } from '../streaming/outgoing.ts';
import type { OutgoingStreams } from '../streaming/outgoing-streams.ts';
import type { Endings } from './endings.ts';
import type { Party } from './fair-batches.ts';
import type { Gate } from './gate.ts';
import type { OnceRuns } from './once/runs.ts';
import type { Pool } from './pool.ts';
import type { Settler } from './settler.ts';
import type { WaitingLine } from './waiting-batches.ts';

export interface DispatcherNeeds {
  readonly mailbox: string;
  readonly methods: ReadonlySet<string>;
  readonly pool: Pool;
  readonly policy: ActorPolicy;
  /** What answers leave by. */
  readonly sending: Sending;
  /** What handlers call others with. */
  readonly calling: Calling;
  readonly deadlines: Deadlines;
  readonly clock: Clock;
  readonly log: Log;
  readonly stats: Stats;
  readonly maxBodyBytes: number;
  settler(): Settler;
  memberId(): string;
  /** Writes a start mark, after everything that is being settled, and resolves once it is there. */
  mark(batch: Batch, index: number): Promise<void>;
  /** Whether another living node announces the method. */
  announcedElsewhere(mailbox: string, method: string): boolean | Promise<boolean>;
  /** Asked before a handler runs, in this order. Absent: none. */
  readonly gates?: readonly Gate[];
  /** Absent: no method answers with a stream. */
  readonly streams?: Streams;
  /** What has an id ends by way of these. Absent: ids mean nothing. */
  readonly once?: OnceRuns;
  /** Methods that are settled before they run. Absent: none. */
  readonly atMostOnce?: ReadonlySet<string> | undefined;
  /** Of some methods: how many of them a frame should hold at most. */
  frames?(): ReadonlyMap<string, number>;
  /** Of its mailbox; absent: there is but one. */
  readonly lines?: readonly Line[] | undefined;
  /** Between whom turns are taken; absent: first come first served. */
  readonly partyOf?: Party | undefined;
  /** Where frames wait that are not its mailbox's; absent: by lines, or first come first served. */
  readonly waiting?: WaitingLine;
  /** What carries endings out; absent: what does where order does not matter. */
  endings?(freed: (batch: Batch) => void): Endings;
  /** What this node is tagged with; absent: nothing. */
  readonly tags?: ReadonlySet<string>;
  /** Whether another living node that serves the mailbox has all of these tags. Absent: nobody has. */
  satisfiedElsewhere?(mailbox: string, tags: readonly string[]): boolean | Promise<boolean>;
  /** A message that waited `waitMs` in this node's hands for its place starts. Must not throw. */
  onStart?(method: string, waitMs: number): void;
  /** A handler that ran for `ms` has ended; `code` says how it failed; `isCall`: somebody waited. Must not throw. */
  onEnded?(method: string, ms: number, code: string | undefined, isCall: boolean): void;
  /** So many messages have become dead letters. Must not throw. */
  onBuried?(count: number, code: string): void;
}

/** Methods that answer with a stream, and who sends what their handlers yield. */
export interface Streams {
  readonly yields: ReadonlyMap<string, Yielding>;
  readonly outgoing: OutgoingStreams;
}
