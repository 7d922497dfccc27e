import { BUDGET_SECONDS, type PermitRequest } from '../../ports/permits.ts';
import { waitFor } from '../wait-for.ts';
import type { Promised } from './stage.ts';
import { DEADLINE_MS } from './times.ts';

const SERVICE = 'users';
const REQUEST: PermitRequest = { requests: 0, wanted: 0, ratio: 0.2, minPerSecond: 0, slots: 10, slotMs: 100 };

export function permits(promised: Promised): void {
  promised('all nodes draw from what all of their requests have earned (S4-32)', async (t, stage) => {
    const a = (await stage.peer('a')).link.permits;
    const b = (await stage.peer('b')).link.permits;
    t.is((await a.take(SERVICE, { ...REQUEST, wanted: 5 })).granted, 0, 'who earned nothing gets nothing');
    t.is((await a.take(SERVICE, { ...REQUEST, requests: 100, wanted: 15 })).granted, 15);
    t.is((await b.take(SERVICE, { ...REQUEST, wanted: 15 })).granted, 5);
    t.is((await b.take(SERVICE, { ...REQUEST, requests: 50, wanted: 50 })).granted, 10);
    t.is((await a.take(SERVICE, { ...REQUEST, wanted: 1 })).granted, 0);
    t.is((await a.take('orders', { ...REQUEST, requests: 5, wanted: 9 })).granted, 1, 'each service has its own');
  });

  promised('of a thousand calls that all fail a fifth is tried again (S4-32)', async (t, stage) => {
    const { permits: port } = (await stage.peer('a')).link;
    let granted = 0;
    for (let round = 0; round < 50; round += 1) {
      granted += (await port.take(SERVICE, { ...REQUEST, requests: 20, wanted: 20 })).granted;
    }
    t.is(granted, 200);
  });

  promised('time earns a budget too, and no more of it than is kept', async (t, stage) => {
    const { link } = await stage.peer('a');
    const request = { ...REQUEST, ratio: 0, minPerSecond: 20, wanted: 1_000 };
    const startedAt = link.now();
    let { granted } = await link.permits.take(SERVICE, request);
    t.true(granted <= BUDGET_SECONDS * request.minPerSecond);
    const more = await waitFor(async () => (await link.permits.take(SERVICE, request)).granted, {
      withinMs: DEADLINE_MS,
      what: 'time to earn a retry',
    });
    granted += more;
    const seconds = (link.now() - startedAt) / 1_000 + 1;
    t.true(granted <= (BUDGET_SECONDS + seconds) * request.minPerSecond);
  });

  promised('slots are given out in turn over all nodes (S4-27)', async (t, stage) => {
    const ports = [(await stage.peer('a')).link.permits, (await stage.peer('b')).link.permits];
    const request = { ...REQUEST, requests: 1_000, slots: 4, slotMs: 25 };
    const waits: number[] = [];
    for (const [index, wanted] of [3, 1, 4, 2].entries()) {
      const answer = await ports[index % 2]?.take(SERVICE, { ...request, wanted });
      t.is(answer?.granted, wanted);
      t.is(answer?.waitsMs.length, wanted);
      waits.push(...(answer?.waitsMs ?? []));
    }
    const first = (waits[0] as number) / request.slotMs;
    t.deepEqual(
      waits,
      waits.map((_, index) => ((first + index) % request.slots) * request.slotMs),
    );
  });
}
