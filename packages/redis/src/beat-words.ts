/** What the main thread and the beat say to each other. Plain data: it may cross a thread. */
import type { BackendMemory, BeatOptions } from './core.ts';
import type { TimeSample } from './time.ts';

export type BeatOrder =
  /** `stands`: everybody can see the report already. */
  | { readonly kind: 'start'; readonly id: string; readonly report: string; readonly stands: boolean }
  | { readonly kind: 'report'; readonly report: string }
  | { readonly kind: 'vitals'; readonly vitals: string }
  | { readonly kind: 'serves'; readonly mailboxes: readonly string[] }
  /** Announce and beat now; the news with this ticket says that everybody can see the report. */
  | { readonly kind: 'now'; readonly ticket: number }
  | { readonly kind: 'stop' };

export type BeatNews =
  | { readonly kind: 'up' }
  | {
      readonly kind: 'beaten';
      readonly id: string;
      readonly tickets: readonly number[];
      /** Taken with some beats only. */
      readonly sample?: TimeSample;
      readonly orphanLanes: readonly number[];
      /** The last news that the backend knew of. */
      readonly seq: number;
      /** The last item of the alert log that it knew of. */
      readonly alertSeq: number;
      /** Told with some beats only. */
      readonly memory?: BackendMemory;
    }
  | { readonly kind: 'evicted'; readonly id: string; readonly reason: string }
  | { readonly kind: 'reaped'; readonly victim: string }
  | { readonly kind: 'failing'; readonly why: string };

export interface BeatPlan {
  readonly namespace: string;
  readonly lanes: number;
  readonly beat: BeatOptions;
}
