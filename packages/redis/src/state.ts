/** The port `StateStore`: one string for each entry, with its revision before it, and a counter for each space. */
import {
  BackendFull,
  StateInvalid,
  type StateAnswer,
  type StateChange,
  type StateOperation,
  type StateResult,
  type StateStore,
  type StoredEntry,
} from './core.ts';
import type { Argument } from './connection.ts';
import { transportError } from './errors.ts';
import type { Ground } from './ground.ts';
import { laneOfMailbox, stateKeys } from './keys.ts';
import { run } from './script.ts';

/** What a script answers for one operation; an error stands for itself. */
type Reply = Buffer | number | null | Error | readonly [entry: Buffer | null];
type Step = readonly (StateOperation | StateChange)[];

/** Revision, what it was set with, and the first byte of the body; the script writes no longer head. */
const HEAD = /^([1-9]\d{0,15}):\d{1,16}:/;
const LONGEST_HEAD = 34;
const MOST_REVISION = 2 ** 52;

export class RedisState implements StateStore {
  readonly #ground: Ground;

  constructor(ground: Ground) {
    this.#ground = ground;
  }

  async each(space: string, operations: readonly StateOperation[]): Promise<readonly StateAnswer[]> {
    try {
      return await this.#each(space, operations);
    } catch (error) {
      if (!(error instanceof BackendFull)) throw error;
      return this.#withoutSets(space, operations, error);
    }
  }

  async all(space: string, changes: readonly StateChange[]): Promise<StateResult> {
    const answer = await this.#run<[replies: readonly Reply[]] | [index: number, revision: number | Buffer]>(
      space,
      'all',
      changes,
    );
    if (answer.length === 1) return { kind: 'done', answers: readAll(space, changes, answer[0]) };
    const [index, revision] = answer;
    if (typeof revision !== 'number') throw noEntry(space, changes[index]?.key ?? '');
    return { kind: 'conflict', index, revision };
  }

  async #each(space: string, operations: readonly StateOperation[]): Promise<readonly StateAnswer[]> {
    return readAll(space, operations, await this.#run<readonly Reply[]>(space, 'each', operations));
  }

  /** A full server has refused the step as a whole. */
  async #withoutSets(
    space: string,
    operations: readonly StateOperation[],
    error: BackendFull,
  ): Promise<readonly StateAnswer[]> {
    const others = operations.filter(({ kind }) => kind !== 'set');
    const answers = (others.length === 0 ? [] : await this.#each(space, others)).values();
    return operations.map(({ kind }): StateAnswer => {
      const answer = kind === 'set' ? undefined : answers.next().value;
      return answer ?? { kind: 'failed', error };
    });
  }

  #run<T>(space: string, how: 'each' | 'all', step: Step): Promise<T> {
    const { lanes, command } = this.#ground;
    const { entries, revision } = stateKeys(this.#ground.lane(laneOfMailbox(space, lanes.length)), space);
    const sets = step.some(({ kind }) => kind === 'set');
    return run<T>(
      command,
      sets ? 'stateset' : 'stateuse',
      [revision, ...step.map(({ key }) => entries + key)],
      [how, ...step.flatMap(argumentsOf)],
      true,
    );
  }
}

function argumentsOf(one: Step[number]): readonly Argument[] {
  switch (one.kind) {
    case 'get':
      return ['get', one.renew ? '1' : '', '', ''];
    case 'set': {
      const when = 'when' in one ? one.when : undefined;
      const condition = typeof when === 'object' ? when.revision : (when ?? '');
      const { buffer, byteOffset, byteLength } = one.body;
      return ['set', condition, milliseconds(one.ttlMs ?? 0), Buffer.from(buffer, byteOffset, byteLength)];
    }
    case 'touch':
      return ['touch', one.ttlMs === undefined ? '' : milliseconds(one.ttlMs), '', ''];
    case 'check':
      return ['check', one.revision, '', ''];
    default:
      return [one.kind, '', '', ''];
  }
}

function readAll(space: string, step: Step, replies: readonly Reply[]): StateAnswer[] {
  return step.map((one, index) => readOne(space, one, replies[index] ?? null));
}

function readOne(space: string, { kind, key }: Step[number], reply: Reply): StateAnswer {
  if (reply instanceof Error) return { kind: 'failed', error: transportError(`state ${space}`, reply) };
  if (reply === null) return { kind: 'none' };
  if (typeof reply === 'number') return readNumber(kind, reply);
  const entry = Buffer.isBuffer(reply) ? (kind === 'get' ? reply : undefined) : reply[0];
  if (entry === null) return { kind: 'none' };
  const stored = entry === undefined ? undefined : toEntry(entry);
  return stored === undefined ? { kind: 'failed', error: noEntry(space, key) } : { kind: 'entry', entry: stored };
}

function readNumber(kind: Step[number]['kind'], reply: number): StateAnswer {
  if (kind === 'set') return reply === 0 ? { kind: 'refused' } : { kind: 'written', revision: reply };
  if (kind !== 'ttl') return reply === 0 ? { kind: 'none' } : { kind: 'done' };
  // As PTTL says it.
  if (reply === -2) return { kind: 'none' };
  return { kind: 'lives', ms: reply === -1 ? Infinity : reply };
}

/** Undefined when the bytes are no entry; what the body holds is for its reader to judge. */
function toEntry(bytes: Buffer): StoredEntry | undefined {
  const [head, digits] = HEAD.exec(bytes.toString('latin1', 0, LONGEST_HEAD)) ?? [];
  const revision = Number(digits);
  if (head === undefined || revision > MOST_REVISION) return undefined;
  return { revision, body: bytes.subarray(head.length) };
}

function noEntry(space: string, key: string): StateInvalid {
  return new StateInvalid(space, key, 'no-entry');
}

function milliseconds(value: number): number {
  return Math.ceil(value);
}
