import type { StateAnswer, StateOperation, StateSet, StateStore } from '../../ports/state.ts';
import { waitFor } from '../wait-for.ts';
import { bytesOf, textOf } from './basket.ts';
import type { Promised } from './stage.ts';
import { DEADLINE_MS } from './times.ts';

const SPACE = 'carts';
const TTL_MS = 60_000;

export function state(promised: Promised): void {
  promised('what one node has set, another reads, until it is deleted (S3-39)', async (t, stage) => {
    const a = (await stage.peer('a')).link.state;
    const b = (await stage.peer('b')).link.state;
    t.deepEqual(await one(b, get('k')), { kind: 'none' });
    const body = bytesOf('one');
    await one(a, { ...set('k', ''), body });
    body.fill(0);
    const found = await one(b, get('k'));
    t.is(textIn(found), 'one');
    if (found.kind === 'entry') found.entry.body.fill(0);
    t.is(textIn(await one(b, get('k'))), 'one', 'the bytes are the reader’s own');
    t.deepEqual(await b.each('orders', [get('k')]), [{ kind: 'none' }], 'spaces do not mix');
    t.deepEqual(await one(b, { kind: 'delete', key: 'k' }), { kind: 'done' });
    t.deepEqual(await one(a, { kind: 'delete', key: 'k' }), { kind: 'none' });
    t.is(textIn(await one(a, get('k'))), 'none');
    for (const bytes of [new Uint8Array(), Uint8Array.from({ length: 256 }, (_, index) => index)]) {
      await one(a, { ...set('bytes', ''), body: bytes });
      const back = await one(b, get('bytes'));
      t.deepEqual(back.kind === 'entry' && [...back.entry.body], [...bytes]);
    }
  });

  promised('a set waits for what must stand there, or must not (S3-39)', async (t, stage) => {
    const port = (await stage.peer('a')).link.state;
    t.is((await one(port, set('k', 'x', { when: 'present' }))).kind, 'refused');
    t.is((await one(port, set('k', 'first', { when: 'absent' }))).kind, 'written');
    t.is((await one(port, set('k', 'x', { when: 'absent' }))).kind, 'refused');
    t.is(textIn(await one(port, get('k'))), 'first');
    t.is((await one(port, set('k', 'second', { when: 'present' }))).kind, 'written');
    t.is(textIn(await one(port, get('k'))), 'second');
  });

  promised('revisions only grow, over what was deleted and in one step as well', async (t, stage) => {
    const a = (await stage.peer('a')).link.state;
    const b = (await stage.peer('b')).link.state;
    const revisions: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      const answers = await (round % 2 === 0 ? a : b).each(SPACE, [
        set('k', `${round}`),
        { kind: 'delete', key: 'k' },
        set('k', `${round}`),
        set('other', `${round}`),
      ]);
      revisions.push(...answers.flatMap((answer) => (answer.kind === 'written' ? [answer.revision] : [])));
      const found = await one(a, get('k'));
      t.is(found.kind === 'entry' && found.entry.revision, revisions.at(-2));
      await one(b, { kind: 'delete', key: 'k' });
    }
    t.is(revisions.length, 15);
    t.true(revisions.every((revision, index) => revision > (revisions[index - 1] ?? 0)));
    t.true(revisions.every(Number.isSafeInteger));
  });

  promised('of many that compare and set the same revision one succeeds (S3-39)', async (t, stage) => {
    const ports = [(await stage.peer('a')).link.state, (await stage.peer('b')).link.state];
    let revision = 0;
    for (let round = 0; round < 5; round += 1) {
      const tries = Array.from({ length: 20 }, (_, index) =>
        one(ports[index % 2], set('k', `${round}.${index}`, { when: { revision } })),
      );
      const answers = await Promise.all(tries);
      const winners = answers.flatMap((answer) => (answer.kind === 'written' ? [answer.revision] : []));
      t.is(winners.length, 1, `round ${round}`);
      revision = winners[0] ?? 0;
      const text = `${round}.${answers.findIndex(({ kind }) => kind === 'written')}`;
      for (const answer of answers) {
        if (answer.kind === 'written') continue;
        // Who came before the winner in this round cannot be: all expected the same.
        t.is(textIn(answer), text);
        t.is(answer.kind === 'entry' && answer.entry.revision, revision);
      }
    }
    t.is(textIn(await one(ports[0], set('gone', 'x', { when: { revision } }))), 'none');
  });

  promised('an entry ends with its time, and what is read or touched lives on (S3-43)', async (t, stage) => {
    const port = (await stage.peer('a')).link.state;
    await port.each(SPACE, [
      set('brief', 'x', { ttlMs: 60 }),
      set('long', 'x', { ttlMs: TTL_MS }),
      set('ever', 'x'),
      set('kept', 'x', { ttlMs: 60 }),
      set('kept', 'y'),
    ]);
    await waitFor(async () => (await one(port, get('brief'))).kind === 'none', {
      withinMs: DEADLINE_MS,
      what: 'the end of the entry',
    });
    t.deepEqual(await one(port, { kind: 'ttl', key: 'brief' }), { kind: 'none' });
    t.is((await one(port, { kind: 'touch', key: 'brief' })).kind, 'none');
    t.is((await one(port, set('brief', 'again', { when: 'absent' }))).kind, 'written');
    t.is(textIn(await one(port, get('kept'))), 'y', 'the last set decides');
    t.is(await lives(port, 'ever'), Infinity);
    const left = await lives(port, 'long');
    t.true(left > TTL_MS / 2 && left < TTL_MS, `${left} ms left`);
    t.is((await one(port, { kind: 'touch', key: 'long', ttlMs: 10 * TTL_MS })).kind, 'done');
    t.true((await lives(port, 'long')) > TTL_MS);
    t.is(textIn(await one(port, get('long'))), 'x');
    t.true((await lives(port, 'long')) > TTL_MS, 'a get that renews nothing');
    await one(port, { kind: 'get', key: 'long', renew: true });
    t.true((await lives(port, 'long')) <= TTL_MS, 'renewed is what it was set with');
    await one(port, { kind: 'touch', key: 'long', ttlMs: 10 * TTL_MS });
    await one(port, { kind: 'touch', key: 'long' });
    t.true((await lives(port, 'long')) <= TTL_MS);
    t.is((await one(port, { kind: 'touch', key: 'ever' })).kind, 'done');
    t.is(await lives(port, 'ever'), Infinity);
    await one(port, { kind: 'touch', key: 'ever', ttlMs: 1 });
    await waitFor(async () => (await one(port, get('ever'))).kind === 'none', {
      withinMs: DEADLINE_MS,
      what: 'the end of what was touched',
    });
  });

  promised('changes happen together, or none of them when a check fails (S3-41)', async (t, stage) => {
    const a = (await stage.peer('a')).link.state;
    const b = (await stage.peer('b')).link.state;
    await a.each(SPACE, [set('from', '10'), set('gone', 'x')]);
    const revision = await revisionOf(b, 'from');
    const done = await b.all(SPACE, [
      set('from', '7'),
      set('to', '3', { ttlMs: TTL_MS }),
      { kind: 'delete', key: 'gone' },
      { kind: 'delete', key: 'gone' },
      { kind: 'check', key: 'from', revision },
      { kind: 'check', key: 'to', revision: 0 },
    ]);
    t.deepEqual(done.kind === 'done' && done.answers.map(({ kind }) => kind), [
      ...['written', 'written', 'done', 'none', 'done', 'done'],
    ]);
    t.deepEqual((await a.each(SPACE, [get('from'), get('to'), get('gone')])).map(textIn), ['7', '3', 'none']);
    t.true((await lives(a, 'to')) <= TTL_MS);
    const now = await revisionOf(a, 'from');
    const refused = await a.all(SPACE, [
      set('from', '0'),
      { kind: 'delete', key: 'to' },
      { kind: 'check', key: 'to', revision: await revisionOf(a, 'to') },
      { kind: 'check', key: 'from', revision },
    ]);
    t.deepEqual(refused, { kind: 'conflict', index: 3, revision: now });
    t.deepEqual(await a.all(SPACE, [set('x', 'x'), { kind: 'check', key: 'gone', revision: 7 }]), {
      ...{ kind: 'conflict', index: 1, revision: 0 },
    });
    t.deepEqual((await b.each(SPACE, [get('from'), get('to'), get('x')])).map(textIn), ['7', '3', 'none']);
  });

  promised('operations of one step are answered in order, each by itself (S3-42)', async (t, stage) => {
    const port = (await stage.peer('a')).link.state;
    const operations = Array.from({ length: 300 }, (_, index): StateOperation => {
      const key = `k${index - (index % 3)}`;
      if (index % 3 === 0) return set(key, `${index}`);
      return index % 3 === 1 ? get(key) : set(key, 'x', { when: 'absent' });
    });
    const answers = await port.each(SPACE, operations);
    t.is(answers.length, 300);
    for (const [index, answer] of answers.entries()) {
      if (index % 3 === 1) t.is(textIn(answer), `${index - 1}`);
      else t.is(answer.kind, index % 3 === 0 ? 'written' : 'refused');
    }
  });
}

function get(key: string): StateOperation {
  return { kind: 'get', key, renew: false };
}

function set(key: string, text: string, more: Partial<StateSet> = {}): StateSet {
  return { kind: 'set', key, body: bytesOf(text), ...more };
}

async function one(port: StateStore | undefined, operation: StateOperation): Promise<StateAnswer> {
  const answers = await port?.each(SPACE, [operation]);
  return answers?.[0] ?? { kind: 'failed', error: new Error('no answer') as never };
}

async function lives(port: StateStore, key: string): Promise<number> {
  const answer = await one(port, { kind: 'ttl', key });
  return answer.kind === 'lives' ? answer.ms : NaN;
}

async function revisionOf(port: StateStore, key: string): Promise<number> {
  const answer = await one(port, get(key));
  return answer.kind === 'entry' ? answer.entry.revision : 0;
}

function textIn(answer: StateAnswer): string {
  return answer.kind === 'entry' ? textOf(answer.entry.body) : answer.kind;
}
