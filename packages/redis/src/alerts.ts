/**
 * The port `AlertStore`, over a connection of its own that writes each command at once: no queue stands before an alert,
 * and an event loop that is blocked right after it was raised does not hold it up.
 */
import { readArchived, readSlot, textOf } from './alert-texts.ts';
import { guarded } from './connection.ts';
import {
  CLAIMS_LIFETIME_MS,
  NotMember,
  type AlertSlot,
  type AlertStore,
  type ClaimAnswer,
  type CommitResult,
  type NoticeRef,
  type PermitAsk,
  type SlotChange,
} from './core.ts';
import type { Ground } from './ground.ts';
import { alertClaimsKey, alertKeys, alertRateKey, alertWindowKeys, CONTROL_LANE, type AlertKeys } from './keys.ts';
import { run, runText } from './script.ts';

/** Timers and archived alerts read with one command. */
const MOST_DUE = 1_000;
const MOST_READ = 1_000;
/** Characters of a hostile fingerprint that are logged. */
const MOST_LOGGED = 128;

type Answer<Method extends keyof AlertStore> = ReturnType<AlertStore[Method]>;

export class RedisAlerts implements AlertStore {
  readonly #ground: Ground;
  readonly #keys: AlertKeys;
  /** The epoch of the connection in which the script of `commit` was last sent as text. */
  #taught: number | undefined;

  constructor(ground: Ground) {
    this.#ground = ground;
    this.#keys = alertKeys(ground.lane(CONTROL_LANE));
  }

  async commit(changes: readonly SlotChange[]): Answer<'commit'> {
    // All are read before the first is sent: one that is no plain data keeps none of the others half-way.
    const texts = changes.map(changeTexts);
    return Promise.all(changes.map((change, index) => this.#commitOne(change, texts[index] as ChangeTexts)));
  }

  async #commitOne(change: SlotChange, { id, body, archived }: ChangeTexts): Promise<CommitResult> {
    const { slots, due, archive, log, seq, claims } = this.#keys;
    const { fingerprint, expected, dueAt, event, archive: ended } = change;
    const answer = await this.#commitScript()<[revision: string] | string>(
      this.#ground.alerts,
      'alertcommit',
      [slots, due, archive, log, seq],
      [
        ...[fingerprint, expected, id, body, moment(dueAt), event],
        ...[archived, Math.ceil(ended?.keepMs ?? 1), moment(ended?.at), claims],
      ],
    );
    if (typeof answer !== 'string') return { kind: 'committed', revision: Number(answer[0]) };
    const slot = answer === '' ? undefined : readSlot(fingerprint, answer);
    return { kind: 'conflict', slot: slot === undefined ? undefined : { ...slot, body: slot.body ?? null } };
  }

  /**
   * The first of a connection carries the text with it: a server that does not know the script would ask for it, and an
   * event loop that is blocked by then would not hear.
   */
  #commitScript(): typeof runText {
    const { epoch } = this.#ground.alerts;
    if (epoch === this.#taught) return run;
    this.#taught = epoch;
    return runText;
  }

  async live(): Answer<'live'> {
    const slots = new Map<string, AlertSlot>();
    let seq: number | undefined;
    let cursor = '0';
    do {
      const [number, next, ...flat] = await run<[string, string, ...string[]]>(
        this.#ground.alerts,
        'alertslots',
        [this.#keys.slots, this.#keys.seq],
        [cursor],
      );
      // What changes while the others are read is in the log after this.
      seq ??= Number(number);
      cursor = next;
      for (const slot of this.#readSlots(flat)) slots.set(slot.fingerprint, slot);
    } while (cursor !== '0');
    return { slots: [...slots.values()], seq: Number.isSafeInteger(seq) ? seq : 0 };
  }

  async due(now: number, limit: number): Answer<'due'> {
    const most = Math.max(1, Math.min(MOST_DUE, Math.floor(limit)));
    const [nextAt, ...fingerprints] = await run<[string, ...string[]]>(
      this.#ground.alerts,
      'alertdue',
      [this.#keys.due, this.#keys.slots],
      [moment(now), most],
    );
    const next = Number(nextAt);
    return { fingerprints, nextAt: nextAt === '' || !Number.isFinite(next) ? undefined : next };
  }

  async archived({ from, to, limit }: Parameters<AlertStore['archived']>[0]): Answer<'archived'> {
    const texts: string[] = [];
    const most = Math.floor(limit);
    while (texts.length < most) {
      const count = Math.min(MOST_READ, most - texts.length);
      const page = await guarded(
        'ZRANGE',
        this.#ground.alerts.sendText<string[]>('zrange', [
          ...[this.#keys.archive, bound(to), bound(from), 'BYSCORE', 'REV', 'LIMIT', texts.length, count],
        ]),
      );
      texts.push(...page);
      if (page.length < count) break;
    }
    const bodies = texts.map(readArchived).filter((body) => body !== undefined);
    const unread = texts.length - bodies.length;
    if (unread > 0) {
      const { log } = this.#ground;
      log.warn({ evt: 'alert_archive_invalid', count: unread }, 'archived alerts that cannot be read are skipped');
    }
    return bodies;
  }

  async claim(refs: readonly NoticeRef[]): Answer<'claim'> {
    const { identity, registration } = this.#ground;
    const { id } = registration;
    if (id === undefined) throw new NotMember(identity.name, 'not-executed');
    return Promise.all(refs.map((ref) => this.#claimOne(id, ref)));
  }

  async #claimOne(id: string, { alertId, group, notice }: NoticeRef): Promise<ClaimAnswer> {
    const lane = this.#ground.lane(CONTROL_LANE);
    const answer = await run<ClaimAnswer | 'not-member'>(
      this.#ground.alerts,
      'alertclaim',
      [lane.members, alertClaimsKey(lane, alertId)],
      [id, group, notice, CLAIMS_LIFETIME_MS],
    );
    if (answer !== 'not-member') return answer;
    this.#ground.registration.lose(id, 'a claim of an alert was refused: no member');
    throw new NotMember(id, 'not-executed');
  }

  async finish(refs: readonly NoticeRef[], outcome: 'done' | 'released'): Promise<void> {
    const { id } = this.#ground.registration;
    if (id === undefined) return;
    const lane = this.#ground.lane(CONTROL_LANE);
    const done = outcome === 'done' ? '1' : '0';
    await Promise.all(
      refs.map(({ alertId, group, notice }) =>
        run(
          this.#ground.alerts,
          'alertfinish',
          [alertClaimsKey(lane, alertId)],
          [id, group, notice, done, CLAIMS_LIFETIME_MS],
        ),
      ),
    );
  }

  async permit(asks: readonly PermitAsk[], now: number): Answer<'permit'> {
    const lane = this.#ground.lane(CONTROL_LANE);
    return Promise.all(
      asks.map(async ({ name, limit, windowMs, burst, key }) => {
        const { permits, bursts } = alertWindowKeys(lane, name);
        const args = [limit, Math.ceil(windowMs), burst ?? '', moment(now), key ?? ''];
        return (await run<number>(this.#ground.alerts, 'alertpermit', [permits, bursts], args)) === 1;
      }),
    );
  }

  async rate(name: string, add: number, windowMs: number, now: number): Promise<number> {
    const key = alertRateKey(this.#ground.lane(CONTROL_LANE), name);
    return run<number>(this.#ground.alerts, 'alertrate', [key], [Math.floor(add), Math.ceil(windowMs), moment(now)]);
  }

  /** Of fingerprint, text, fingerprint, text, … */
  #readSlots(flat: readonly string[]): AlertSlot[] {
    const slots: AlertSlot[] = [];
    for (let i = 0; i + 1 < flat.length; i += 2) {
      const fingerprint = flat[i] ?? '';
      const slot = readSlot(fingerprint, flat[i + 1] ?? '');
      if (slot?.body !== undefined) slots.push(slot);
      else {
        this.#ground.log.warn(
          { evt: 'alert_slot_invalid', fingerprint: fingerprint.slice(0, MOST_LOGGED) },
          'an alert that cannot be read is skipped',
        );
      }
    }
    return slots;
  }
}

interface ChangeTexts {
  readonly id: string;
  readonly body: string;
  readonly archived: string;
}

/** @throws HomeostatError SERIALIZATION */
function changeTexts({ fingerprint, alertId, body, archive }: SlotChange): ChangeTexts {
  return {
    id: JSON.stringify(alertId),
    body: body === undefined ? '' : textOf(`the alert ${fingerprint}`, body),
    archived: archive === undefined ? '' : textOf(`the archived alert ${fingerprint}`, archive.body),
  };
}

/** A moment as a script takes it; `''`: none. */
function moment(at: number | undefined): number | '' {
  return at === undefined || !Number.isFinite(at) ? '' : Math.ceil(at);
}

function bound(at: number): number | string {
  if (Number.isFinite(at)) return at;
  return at > 0 ? '+inf' : '-inf';
}
