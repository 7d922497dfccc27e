import test from 'ava';
import { check, type Evidence } from './tour/checks.ts';
import { Ledger } from './tour/ledger.ts';
import { Meter } from './tour/meter.ts';
import { userOf } from './tour/seed.ts';
import { SEED } from './tour/settings.ts';

const PID = 1;
const sample = { path: 'a.txt', bytes: new Uint8Array(), words: 0, sha256: '' };

/** A tour of one user and one file in which nothing went wrong. */
async function honest(): Promise<
  Evidence & { work: { accepted: Set<number>; answeredBy: Map<number, number>; wrong: string[] } }
> {
  const books = new Ledger();
  const { name, email, plan } = userOf(SEED, 0);
  books.begin(0, PID);
  books.finish(0, PID, 0, { name, email: email.toLowerCase() });
  books.begin(1, PID);
  books.finish(1, PID, 0, { plan });
  const [examine, get, change] = [new Meter(), new Meter(), new Meter()];
  await examine.measure(() => Promise.resolve());
  await get.measure(() => Promise.resolve());
  const services = [{ name: 'service', pid: PID, kill: undefined, close: () => Promise.resolve() }];
  const work = { examine, get, change, accepted: new Set([0, 1]), answeredBy: new Map([[PID, 2]]), wrong: [] };
  return { work, books, samples: [sample], services, dead: new Set(), left: [1] };
}

const failing = (evidence: Evidence): string[] =>
  check(evidence)
    .filter(({ holds }) => !holds)
    .map(({ says }) => says);

test('the sums of an honest tour hold', async (t) => {
  t.deepEqual(failing(await honest()), []);
});

test('a change that was accepted and is neither handled nor dead is found', async (t) => {
  const evidence = await honest();
  evidence.work.accepted.add(2);
  t.true(failing(evidence).some((says) => says.startsWith('changes accepted 3 = 2 handled + 0 dead letters')));
});

test('a change that is handled and dead at once is found', async (t) => {
  const evidence = { ...(await honest()), dead: new Set([1]) };
  t.deepEqual(failing(evidence), ['changes accepted 2 = 2 handled + 1 dead letter']);
});

test('a call without its reply is found', async (t) => {
  const evidence = await honest();
  await evidence.work.get.measure(() => Promise.reject(new Error('no answer')));
  t.deepEqual(failing(evidence), ['calls sent 3 = 2 replies; 1 failed, the first with: Error: no answer']);
});

test('a reply of an unknown process is found', async (t) => {
  const evidence = await honest();
  evidence.work.answeredBy.set(PID, 1);
  t.deepEqual(failing(evidence), ['replies and handled changes 4 = 3, the shares of the services']);
});

test('work that a killed process left and nobody took up is found', async (t) => {
  const evidence = { ...(await honest()), left: [1, 3] };
  t.deepEqual(failing(evidence), [
    'changes that the killed process had begun and not finished 2 = 1 finished by others',
  ]);
});

test('a wrong answer and a wrong record are found', async (t) => {
  const evidence = await honest();
  evidence.work.wrong.push('a.txt');
  t.deepEqual(failing(evidence), ['1 wrong answer, first: a.txt']);
  evidence.work.wrong.pop();
  evidence.books.begin(2, PID);
  evidence.books.finish(4, PID, 0, { name: 'Somebody else' });
  t.true(failing(evidence).includes('0 of 1 user records hold what was sent; user 0 does not'));
});
