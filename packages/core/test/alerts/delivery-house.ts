/** Nodes that are told of alerts, on the memory backend and a clock that is turned by hand. */
import type { ExecutionContext } from 'ava';
import { pino } from 'pino';
import type { Link } from '../../src/backend.ts';
import type { Alert, AlertRecord, Raised, RaiseOptions, Severity } from '../../src/alerts/alert.ts';
import { Delivery } from '../../src/alerts/delivery/delivery.ts';
import type { Change, Moment } from '../../src/alerts/judgement.ts';
import { DEFAULT_ALERT_POLICY, type AlertPolicy } from '../../src/alerts/policy.ts';
import type { AlertContext } from '../../src/alerts/subscriber.ts';
import { ack, escalate, raise, resolve } from '../../src/alerts/transitions.ts';
import { AlertView } from '../../src/alerts/view.ts';
import { memory } from '../../src/backends/memory.ts';
import type { AlertStore } from '../../src/ports/alerts.ts';
import { virtualClock, type VirtualClock } from '../../src/testing/virtual-clock.ts';
import { raisedOf } from './judging.ts';

const log = pino({ level: 'silent' });
const BEAT_MS = 1_000;
const BEAT = { intervalMs: BEAT_MS, ttlMs: 3 * BEAT_MS, stallMs: BEAT_MS, evictMs: 30 * BEAT_MS };
/** A node is declared dead, and the others know, after this, ms. */
export const DEAD_MS: number = 6 * BEAT_MS;

/** How often which commands went to the store. */
export type Sent = Record<string, number>;

export class HouseNode {
  id = '';
  readonly delivery: Delivery;
  readonly view: AlertView;
  /** What delivery has asked for: `raise sink-failed`, `ack a1 received by pager`. */
  readonly acts: string[] = [];
  readonly raised: RaiseOptions[] = [];
  readonly sent: Sent = {};
  readonly #link: Link;
  /** While true the store does not answer this node; `mute`: it does what it is told, and the answers get lost. */
  away: boolean | 'mute' = false;

  constructor(link: Link, clock: VirtualClock, policy: () => AlertPolicy) {
    const { acts } = this;
    const act = (text: string): Promise<void> => Promise.resolve(void acts.push(text));
    const store = this.#watched(link.alerts);
    this.#link = link;
    this.view = new AlertView({ store, clock, log });
    this.delivery = new Delivery({
      view: this.view,
      store,
      timers: clock,
      log,
      policy,
      selfId: () => this.id,
      actions: {
        ack: (id, type, { by, note }) => act(`ack ${id} ${type} by ${by}${note === undefined ? '' : ` ${note}`}`),
        resolve: (id, { by }) => act(`resolve ${id} by ${by}`),
        escalate: (id, reason, { by }) => act(`escalate ${id} ${reason} by ${by}`),
        raise: (options) => {
          this.raised.push(options);
          return act(`raise ${options.kind} ${options.scope}`);
        },
        clear: ({ kind, scope }) => act(`clear ${kind} ${scope}`),
        flooded: (id) => void act(`flooded ${id}`),
      },
    });
  }

  async join(): Promise<this> {
    this.id = await this.#link.membership.join(
      { report: () => ({}) as never, vitals: () => ({}) as never },
      {
        evicted: () => undefined,
        inbox: () => undefined,
        news: (items) => {
          if (items.some(({ kind }) => kind === 'left' || kind === 'expired')) this.delivery.memberGone();
        },
        alerts: (items) => this.view.apply(items),
        beaten: (_seq, alertSeq) => this.view.beaten(alertSeq),
      },
    );
    await this.view.resync();
    return this;
  }

  /** Falls silent: nothing that it does arrives any more. */
  async kill(): Promise<void> {
    this.away = true;
    await this.#link.close();
  }

  async close(): Promise<void> {
    await this.delivery.close();
    await this.#link.membership.leave();
    await this.#link.close();
  }

  #watched(store: AlertStore): AlertStore {
    const watched =
      <Arguments extends readonly unknown[], Answer>(name: string, method: (...args: Arguments) => Promise<Answer>) =>
      async (...args: Arguments): Promise<Answer> => {
        this.sent[name] = (this.sent[name] ?? 0) + 1;
        if (this.away === true) throw new Error('away');
        const answer = await method(...args);
        if (this.away === 'mute') throw new Error('no answer');
        return answer;
      };
    return {
      commit: watched('commit', (changes) => store.commit(changes)),
      live: watched('live', () => store.live()),
      due: watched('due', (now, limit) => store.due(now, limit)),
      archived: watched('archived', (range) => store.archived(range)),
      claim: watched('claim', (refs) => store.claim(refs)),
      finish: watched('finish', (refs, outcome) => store.finish(refs, outcome)),
      permit: watched('permit', (asks, now) => store.permit(asks, now)),
      rate: watched('rate', (name, add, windowMs, now) => store.rate(name, add, windowMs, now)),
    };
  }
}

export class House {
  readonly clock: VirtualClock = virtualClock();
  policy: AlertPolicy = DEFAULT_ALERT_POLICY;
  readonly #backend = memory({ clock: this.clock });
  readonly #slots = new Map<string, { readonly record: AlertRecord; readonly revision: number }>();
  #writer: Link | undefined;
  #archived = 0;

  async node(name: string): Promise<HouseNode> {
    const link = await this.#connect(name);
    return new HouseNode(link, this.clock, () => this.policy).join();
  }

  /** Raises it and lets everybody hear of it. The fingerprint is the kind. */
  async raise(severity: Severity, kind: string, more: Partial<Raised> = {}): Promise<Alert> {
    const alert = await this.raiseQuietly(severity, kind, more);
    await this.settle();
    return alert;
  }

  /** Raises it and does not wait until it is heard. */
  raiseQuietly(severity: Severity, kind: string, more: Partial<Raised> = {}): Promise<Alert> {
    const raised = raisedOf(severity, { kind, fingerprint: kind, at: this.clock.now(), ...more });
    const id = `id-${kind}${this.#archived === 0 ? '' : `-${this.#archived}`}`;
    return this.change(kind, (before, moment) => raise(before, raised, { kind: 'notify' }, moment, id));
  }

  async resolve(kind: string): Promise<void> {
    await this.change(kind, (before, moment) => before && resolve(before, {}, moment));
    await this.settle();
  }

  async ack(kind: string): Promise<void> {
    await this.change(kind, (before, moment) => before && ack(before, {}, moment));
    await this.settle();
  }

  async escalate(kind: string): Promise<void> {
    await this.change(kind, (before, moment) => before && escalate(before, 'by hand', moment));
    await this.settle();
  }

  /** Empties the slot. */
  async archive(kind: string): Promise<void> {
    await this.change(kind, () => ({ record: undefined, event: 'archived' }));
    this.#archived += 1;
    await this.settle();
  }

  async change(
    kind: string,
    judge: (before: AlertRecord | undefined, moment: Moment) => Change | undefined,
  ): Promise<Alert> {
    const slot = this.#slots.get(kind);
    const change = judge(slot?.record, { now: this.clock.now(), policy: this.policy, by: 'n1' });
    if (change === undefined) throw new Error(`${kind}: nothing comes of it`);
    this.#writer ??= await this.#connect('writer');
    const { record, event } = change;
    const alertId = (record ?? slot?.record)?.id ?? '';
    const [answer] = await this.#writer.alerts.commit([
      { fingerprint: kind, expected: slot?.revision ?? 0, body: record, alertId, event },
    ]);
    if (answer?.kind !== 'committed') throw new Error(`${kind}: not committed`);
    if (record === undefined) this.#slots.delete(kind);
    else this.#slots.set(kind, { record, revision: answer.revision });
    return (record ?? slot?.record)!;
  }

  /** Lets what is under way come to rest, without any time passing. */
  async settle(): Promise<void> {
    for (let turns = 0; turns < 12; turns += 1) await this.clock.advance(0);
  }

  async advance(ms: number): Promise<void> {
    await this.clock.advance(ms);
    await this.settle();
  }

  #connect(name: string): Promise<Link> {
    return this.#backend.connect({ name, namespace: 'delivery', beat: BEAT, log });
  }
}

/** A handler that keeps a list of what it is told, and can be made to hang or to fail. */
export class Ear {
  readonly heard: string[] = [];
  readonly contexts: AlertContext[] = [];
  readonly alerts: Alert[] = [];
  failing = false;
  hanging = false;
  #release: (() => void)[] = [];

  readonly handle = async (alert: Alert, ctx: AlertContext): Promise<void> => {
    this.heard.push(alert.kind);
    this.alerts.push(alert);
    this.contexts.push(ctx);
    if (this.failing) throw new Error('no line');
    if (this.hanging) await new Promise<void>((resolve) => this.#release.push(resolve));
  };

  /** Lets those that hang end. */
  release(): void {
    this.hanging = false;
    for (const end of this.#release.splice(0)) end();
  }
}

/** A house with nodes of these names. */
export async function houseOf<Name extends string>(
  t: ExecutionContext,
  ...names: readonly Name[]
): Promise<{ readonly house: House } & Readonly<Record<Name, HouseNode>>> {
  const house = new House();
  const nodes: Record<string, HouseNode> = {};
  for (const name of names) nodes[name] = await house.node(name);
  t.teardown(() => {
    for (const node of Object.values(nodes)) void node.close().catch(() => undefined);
  });
  return { house, ...nodes } as { readonly house: House } & Record<Name, HouseNode>;
}
