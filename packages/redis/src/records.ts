/** The port `Records`: a hash for each family, a stream with its history. */
import { guarded } from './connection.ts';
import {
  HomeostatError,
  NotMember,
  type RecordChange,
  type RecordResult,
  type Records,
  type SharedRecord,
} from './core.ts';
import type { Ground } from './ground.ts';
import { CONTROL_LANE, recordKeys } from './keys.ts';
import { run } from './script.ts';

export class RedisRecords implements Records {
  readonly #ground: Ground;

  constructor(ground: Ground) {
    this.#ground = ground;
  }

  async all(family: string): Promise<readonly SharedRecord[]> {
    const { command } = this.#ground;
    const { records } = recordKeys(this.#ground.lane(CONTROL_LANE), family);
    const [seconds, microseconds, ...texts] = await run<[string, string, ...string[]]>(
      command,
      'records',
      [records],
      [],
    );
    const now = Math.floor(Number(seconds) * 1_000 + Number(microseconds) / 1_000);
    return this.#read(family, texts).filter(
      ({ body, until }) => body !== undefined && (until === undefined || until > now),
    );
  }

  async change(change: RecordChange): Promise<RecordResult> {
    const { command, identity, registration } = this.#ground;
    const { family, name, expected, ttlMs, by } = change;
    const id = registration.id;
    if (id === undefined) throw new NotMember(identity.name, 'not-executed');
    const lane = this.#ground.lane(CONTROL_LANE);
    const keys = recordKeys(lane, family);
    const answer = await run<string | [revision: number]>(
      command,
      'record',
      [lane.members, keys.records, keys.history, keys.floor, lane.news, lane.newsSeq],
      [
        ...[id, family, name, JSON.stringify(name), textOf(change), expected ?? ''],
        ...[ttlMs === undefined ? '' : Math.ceil(ttlMs), JSON.stringify(by)],
      ],
    );
    if (answer === 'not-member') {
      registration.lose(id, 'a change of a shared record was refused: no member');
      throw new NotMember(id, 'not-executed');
    }
    if (typeof answer !== 'string') return { kind: 'conflict', revision: answer[0] };
    return { kind: 'changed', record: JSON.parse(answer) as SharedRecord };
  }

  async history(family: string, limit: number): Promise<readonly SharedRecord[]> {
    if (limit < 1) return [];
    const { history } = recordKeys(this.#ground.lane(CONTROL_LANE), family);
    const entries = await guarded(
      'XREVRANGE',
      this.#ground.command.sendText<[id: string, fields: string[]][]>('xrevrange', [
        history,
        '+',
        '-',
        'COUNT',
        Math.floor(limit),
      ]),
    );
    return this.#read(
      family,
      entries.map(([, fields]) => fields[1] ?? ''),
    ).toReversed();
  }

  #read(family: string, texts: readonly string[]): SharedRecord[] {
    const records: SharedRecord[] = [];
    for (const text of texts) {
      const record = toRecord(text);
      if (record !== undefined) records.push(record);
      else this.#ground.log.warn({ evt: 'record_invalid', family }, 'a shared record that cannot be read is skipped');
    }
    return records;
  }
}

function textOf({ family, name, body }: RecordChange): string {
  if (body === undefined) return '';
  try {
    const text = JSON.stringify(body) as string | undefined;
    if (text !== undefined) return text;
  } catch {
    // Said below, without the value.
  }
  throw new HomeostatError('SERIALIZATION', `the record ${family} ${name} is no plain data`);
}

/** Undefined when the text is no record; what is inside `body` is for its family to judge. */
function toRecord(text: string): SharedRecord | undefined {
  try {
    const { name, revision, until, at, by, body } = (JSON.parse(text) ?? {}) as Readonly<Record<string, unknown>>;
    if (typeof name !== 'string' || typeof by !== 'string' || typeof at !== 'number') return undefined;
    if (typeof revision !== 'number' || !Number.isSafeInteger(revision)) return undefined;
    if (until !== undefined && typeof until !== 'number') return undefined;
    return {
      ...{ name, revision, at, by },
      ...(body === undefined ? undefined : { body }),
      ...(until === undefined ? undefined : { until }),
    };
  } catch {
    return undefined;
  }
}
