import { parseReport, parseVitals } from '../../ports/report.ts';
import { waitFor } from '../wait-for.ts';
import { bytesOf } from './basket.ts';
import { served } from './peer.ts';
import type { Promised } from './stage.ts';
import { DEADLINE_MS, SLEEPY_BEAT } from './times.ts';

export function membership(promised: Promised): void {
  promised('members() shows who has joined, with their reports', async (t, stage) => {
    const a = await stage.stranger('a');
    const b = await stage.stranger('b');
    a.serves = { 'users@1': ['get', 'put'] };
    await a.join();
    t.is(await b.isListed(a.id), true, 'a stranger may look');
    await b.join();
    const { members } = await b.link.membership.members();
    t.deepEqual(members.map((member) => member.id).toSorted(), [a.id, b.id].toSorted());
    t.deepEqual(await b.reportOf(a.id), {
      name: 'a',
      pid: process.pid,
      host: 'here',
      startedAt: 1,
      status: 'healthy',
      serves: { 'users@1': served(['get', 'put']) },
    });
  });

  promised('an announcement is visible at once', async (t, stage) => {
    const a = await stage.peer('a', SLEEPY_BEAT);
    const b = await stage.peer('b', SLEEPY_BEAT);
    a.serves = { 'fresh@1': ['work'] };
    await a.link.membership.announce();
    t.deepEqual((await b.reportOf(a.id))?.serves, { 'fresh@1': served(['work']) });
  });

  promised('a report changes with the beats', async (t, stage) => {
    const a = await stage.peer('a');
    const b = await stage.peer('b');
    a.serves = { 'later@1': [] };
    await waitFor(async () => (await b.reportOf(a.id))?.serves['later@1'], {
      withinMs: DEADLINE_MS,
      what: 'a beat to carry the new report',
    });
    t.deepEqual(a.evictions, []);
  });

  promised('serving() finds the members of a service by its name, whatever its version', async (t, stage) => {
    const a = await stage.stranger('a');
    const b = await stage.stranger('b');
    const other = await stage.stranger('other');
    a.serves = { 'users@1': ['get'], 'mail@1': ['send'] };
    b.serves = { 'users@2': ['get'] };
    other.serves = { 'users-archive@1': ['get'] };
    await Promise.all([a.join(), b.join(), other.join()]);
    const ids = async (service: string): Promise<string[]> =>
      (await other.link.membership.serving(service)).map((member) => member.id).toSorted();
    t.deepEqual(await ids('users'), [a.id, b.id].toSorted());
    t.deepEqual(await ids('mail'), [a.id]);
    t.deepEqual(await ids('nobody'), []);
    const [mailer] = await other.link.membership.serving('mail');
    t.deepEqual(parseReport(mailer?.report)?.serves['mail@1'], served(['send']));
    a.serves = { 'users@1': ['get'] };
    await a.link.membership.announce();
    t.deepEqual(await ids('mail'), [], 'what it serves no more is taken out of the index');
    await b.link.membership.leave();
    t.deepEqual(await ids('users'), [a.id]);
  });

  promised('vitals are at most a beat old, and who said nothing is left out', async (t, stage) => {
    const a = await stage.peer('a');
    const b = await stage.peer('b');
    a.load = 0.75;
    const vitals = await waitFor(
      async () => {
        const said = parseVitals((await b.link.membership.vitals([a.id])).get(a.id));
        return said?.load === 0.75 ? said : undefined;
      },
      { withinMs: DEADLINE_MS, what: 'a beat to carry the load' },
    );
    t.deepEqual(vitals.serviceMs, { 'work@1/run': 12 });
    t.deepEqual([...(await b.link.membership.vitals(['nobody-0000000000'])).keys()], []);
    t.deepEqual([...(await b.link.membership.vitals([])).keys()], []);
    t.deepEqual(
      a.news.filter((item) => item.kind === 'changed'),
      [],
      'how it feels is no news',
    );
  });

  promised('nodes of one name have different ids, made of the name', async (t, stage) => {
    const one = await stage.peer('twin');
    const two = await stage.peer('twin');
    t.true(one.id !== two.id);
    for (const { id } of [one, two]) t.true(/^twin-[a-z0-9]{10}$/.test(id), id);
  });

  promised('a node that left is no member: its appends and replies are refused', async (t, stage) => {
    const peer = await stage.peer('peer');
    const leaver = await stage.peer('leaver');
    await leaver.link.membership.leave();
    t.is(await peer.isListed(leaver.id), false);
    t.deepEqual(await leaver.append('work@1', 'late'), { kind: 'not-member' });
    t.is(await leaver.link.broker.reply(peer.id, bytesOf('late')), 'not-member');
    t.deepEqual(leaver.evictions, [], 'leaving is no eviction');
  });

  promised('inbox frames arrive in order', async (t, stage) => {
    const asker = await stage.peer('asker');
    const answerer = await stage.peer('answerer');
    const texts = Array.from({ length: 100 }, (_, index) => `reply ${index}`);
    for (const text of texts) t.is(await answerer.link.broker.reply(asker.id, bytesOf(text)), 'accepted');
    await waitFor(() => asker.inbox.length >= texts.length, { withinMs: DEADLINE_MS, what: 'all replies' });
    t.deepEqual(asker.inbox, texts);
    t.deepEqual(answerer.inbox, []);
  });

  promised('a node can reply to itself, and reuse its buffer', async (t, stage) => {
    const peer = await stage.peer('peer');
    const buffer = Buffer.from('to me');
    t.is(await peer.link.broker.reply(peer.id, buffer), 'accepted');
    buffer.fill('x');
    await waitFor(() => peer.inbox.length > 0, { withinMs: DEADLINE_MS, what: 'its own reply' });
    t.deepEqual(peer.inbox, ['to me']);
  });

  promised('the link says that it is ready, well, and what time it is', async (t, stage) => {
    const a = await stage.peer('a');
    const b = await stage.peer('b');
    await a.link.ready();
    t.true((await a.link.health()).connected);
    t.true((await a.link.ping()) >= 0);
    t.true(Math.abs(a.link.now() - b.link.now()) < 1_000);
    const reason = new Error('no patience');
    const thrown = await a.link.ready(AbortSignal.abort(reason)).then(
      () => undefined,
      (error: unknown) => error,
    );
    // A link that is ready may say so before it looks at the signal.
    t.true(thrown === undefined || thrown === reason);
  });
}
