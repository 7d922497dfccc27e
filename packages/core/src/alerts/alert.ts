/** What an alert is: a signal that something hurts, or goes better than it should, and all that has become of it. */

export type AlertType = 'pain' | 'pleasure';
export type Severity = 'critical' | 'high' | 'medium' | 'low';
/** Who is told: the unit in pain itself, operations, planning, policy. The numbers are those of Beer's systems, not ranks. */
export type AlertLevel = 's1' | 's3' | 's4' | 's5';
/** `cleared-unacked`: the condition of a critical alert is over, yet nobody has said that they saw it. */
export type AlertState = 'open' | 'acked' | 'cleared-unacked' | 'resolved';
export type AckType = 'received' | 'investigating' | 'responding';
/** How it came to its end. */
export type Resolution = 'resolved' | 'false_alarm' | 'cleared' | 'expired';

export interface AlertSource {
  readonly service?: string | undefined;
  readonly method?: string | undefined;
  /** The node that raised it first. */
  readonly nodeId: string;
}

/** Why a notice is held back; each is counted on the alert and in `stats()`. */
export type HeldBy = 'inhibition' | 'silence' | 'limit' | 'storm';
/** What attenuates: what holds notices back, repeats of an open condition, and the flood limit of a human sink. */
export type AttenuatedBy = HeldBy | 'duplicate' | 'flap' | 'flood';

export type NoticeWhy =
  | 'raised'
  /** Nobody has acked it in time: the next level. */
  | 'escalated'
  /** Nobody has acked it in time, and there is no further level. */
  | 'repeated'
  | 'reopened'
  /** Its severity has grown. */
  | 'worse'
  /** What held it back is over, and it is still open. */
  | 'released'
  /** It was acked, but neither resolved nor changed in time. */
  | 'hollow'
  | 'digest';

/** Something that subscribers of some levels are to be told. */
export interface Notice {
  /** 1 for the first of this alert. */
  readonly n: number;
  readonly at: number;
  readonly to: readonly AlertLevel[];
  readonly why: NoticeWhy;
  readonly digest?: AlertDigest | undefined;
}

/** Many alerts in one message. */
export interface AlertDigest {
  readonly from: number;
  readonly to: number;
  readonly total: number;
  readonly groups: readonly DigestGroup[];
}

export interface DigestGroup {
  readonly service: string;
  readonly kind: string;
  /** Alerts. */
  readonly alerts: number;
  /** Raises, repeats included. */
  readonly count: number;
  readonly severity: Severity;
  /** Ids of some of them. */
  readonly ids: readonly string[];
}

export interface HistoryEntry {
  readonly at: number;
  /** `raised`, `escalated`, `acked` …: see `AlertEvent`. */
  readonly event: AlertEvent;
  /** Node id, or who did it by name. */
  readonly by: string;
  readonly note?: string | undefined;
}

/** What happened to an alert; the `kind` of an item of the log. */
export type AlertEvent =
  | 'raised'
  | 'repeated'
  | 'worse'
  | 'reopened'
  | 'escalated'
  | 'renotified'
  | 'released'
  | 'held'
  | 'acked'
  | 'cleared'
  | 'resolved'
  | 'digested'
  | 'changed'
  | 'archived';

export interface Alert {
  readonly id: string;
  readonly type: AlertType;
  readonly severity: Severity;
  readonly source: AlertSource;
  /** What hurts, for machines: `disk-full`. */
  readonly kind: string;
  /** For people. */
  readonly message: string;
  readonly metrics?: Readonly<Record<string, number | string | boolean>> | undefined;
  readonly impact?: string | undefined;
  /** What may help, in words. */
  readonly actions?: readonly string[] | undefined;
  readonly tags?: readonly string[] | undefined;
  /** One condition, one fingerprint, whoever sees it. */
  readonly fingerprint: string;
  /** Fingerprint of the alert that this one follows from: it is not notified while that is open. */
  readonly causedBy?: string | undefined;
  /** How many alerts follow from this one; counted when it is read. */
  readonly rootOf?: number | undefined;
  readonly state: AlertState;
  /** The highest level that was told. */
  readonly level: AlertLevel;
  /** How often it was raised. */
  readonly count: number;
  /** How often it came back soon after it was resolved. */
  readonly flaps: number;
  /** Backend time, ms. */
  readonly firstAt: number;
  readonly lastAt: number;
  /** Ids of the nodes that raised it; at most 64. */
  readonly reporters: readonly string[];
  readonly ackedBy?: string | undefined;
  readonly ackedAt?: number | undefined;
  readonly ackType?: AckType | undefined;
  readonly ackNote?: string | undefined;
  /** When whoever acked it expects it to be over. */
  readonly eta?: number | undefined;
  readonly resolvedBy?: string | undefined;
  readonly resolvedAt?: number | undefined;
  readonly resolution?: Resolution | undefined;
  /** Was acked, and then nothing came of it in time. */
  readonly hollow?: boolean | undefined;
  /** Notices of it are held back. */
  readonly held?: { readonly by: HeldBy; readonly until?: number | undefined } | undefined;
  readonly attenuated: Readonly<Partial<Record<AttenuatedBy, number>>>;
  /** Nobody anywhere subscribed to the level that was to be told. */
  readonly unrouted?: boolean | undefined;
  /** The last 16. */
  readonly notices: readonly Notice[];
  /** The last 64. */
  readonly history: readonly HistoryEntry[];
}

/** What `dueAt` of a record means. */
export type AlertTimer = 'autonomy' | 'ack' | 'resolve' | 'hold' | 'flap' | 'expire' | 'digest';

/** An alert as it is stored: with what the state machine has to remember. */
export interface AlertRecord extends Alert {
  readonly timer?: AlertTimer | undefined;
  readonly dueAt?: number | undefined;
  /** Levels that were told → number of the last notice for them. */
  readonly reached: Readonly<Partial<Record<AlertLevel, number>>>;
  /** Notices given so far. */
  readonly noticed: number;
  /** Repeats at the last level. */
  readonly repeats: number;
  /** Who raised it and has not said that it is over. */
  readonly active: readonly string[];
  /** Of the last raises: what is told twice is counted once. */
  readonly tokens: readonly string[];
  /** Passes everything that holds back. */
  readonly bypass: boolean;
  /** While it is held open because it flaps: who resolved it. */
  readonly endAfterHold?: { readonly by: string; readonly resolution: Resolution } | undefined;
}

/** What a program says when something hurts. */
export interface RaiseOptions {
  readonly kind: string;
  readonly message: string;
  /** Default `medium`. Also `severe` and `error` (high), `warning` (medium), `info` (low), `emergency` (critical). */
  readonly severity?: Severity | 'severe' | 'error' | 'warning' | 'info' | 'emergency' | undefined;
  readonly service?: string | undefined;
  readonly method?: string | undefined;
  /** What of the service or node hurts, where there are several: `disk /var`. Part of the fingerprint. */
  readonly scope?: string | undefined;
  /** Each node's condition is an alert of its own. Default false: five nodes that see the same raise one alert. */
  readonly perNode?: boolean | undefined;
  readonly fingerprint?: string | undefined;
  readonly metrics?: Readonly<Record<string, number | string | boolean>> | undefined;
  readonly impact?: string | undefined;
  readonly actions?: readonly string[] | undefined;
  readonly tags?: readonly string[] | undefined;
  /** Id or fingerprint of the alert that this follows from. */
  readonly causedBy?: string | undefined;
  /** Straight to s5, past everything that holds back. */
  readonly emergency?: boolean | undefined;
  /** Reported only when it has lasted so long, ms, on this node. */
  readonly onDelayMs?: number | undefined;
}

/** A raise, parsed and with its place and time. */
export interface Raised {
  readonly type: AlertType;
  readonly severity: Severity;
  readonly kind: string;
  readonly message: string;
  readonly source: AlertSource;
  readonly fingerprint: string;
  readonly metrics?: Readonly<Record<string, number | string | boolean>> | undefined;
  readonly impact?: string | undefined;
  readonly actions?: readonly string[] | undefined;
  readonly tags?: readonly string[] | undefined;
  /** As given: id or fingerprint. */
  readonly causedBy?: string | undefined;
  /** Critical, an emergency, or of a configured pattern. */
  readonly bypass: boolean;
  /** Backend time at which it hurt, ms: the original one, however late it is told. */
  readonly at: number;
  /** The last time, where it stands for several. */
  readonly lastAt?: number | undefined;
  /** How many raises this stands for. */
  readonly count: number;
  /** Unique: one that is told twice is counted once. */
  readonly token: string;
  /** Id of the node that says so. */
  readonly reporter: string;
}
