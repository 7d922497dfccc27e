import type { RateDraw } from '../../ports/limits.ts';
import { waitFor } from '../wait-for.ts';
import type { Promised } from './stage.ts';
import { DEADLINE_MS, SLEEPY_BEAT } from './times.ts';

const SERVICE = 'users';
const HOUR_MS = 3_600_000;
const DRAW: RateDraw = { name: 'get', perSecond: 10, burst: 5, wanted: 1, returned: 0, withinMs: HOUR_MS };

export function ratesAndPlaces(promised: Promised): void {
  promised(
    'all nodes draw from one bucket: first what is kept, then ahead of time, one after the other',
    async (t, stage) => {
      const a = (await stage.peer('a')).link.limits;
      const b = (await stage.peer('b')).link.limits;
      const [first] = await a.draw(SERVICE, [{ ...DRAW, wanted: 5 }]);
      t.is(first?.granted, 5);
      t.is(first?.leadMs, -400, 'five at once: the last of them a moment ago');
      const [second] = await b.draw(SERVICE, [{ ...DRAW, wanted: 2 }]);
      t.is(second?.granted, 2);
      const { leadMs } = second!;
      t.true(leadMs <= 100 && leadMs > -DEADLINE_MS, `${leadMs}`);
      const [third, other, elsewhere] = [
        ...(await a.draw(SERVICE, [DRAW, { ...DRAW, name: 'set' }])),
        ...(await a.draw('orders', [DRAW])),
      ];
      t.true(third!.leadMs <= leadMs + 200);
      t.is(other?.leadMs, -400, 'another limit');
      t.is(elsewhere?.leadMs, -400, 'another service');
    },
  );

  promised('what will not be earned in time is not given, what was not used is given again', async (t, stage) => {
    const { limits } = (await stage.peer('a')).link;
    // Nobody waits for the next token of this one.
    const slow = { ...DRAW, perSecond: 0.01, burst: 1 };
    t.deepEqual(await limits.draw(SERVICE, [{ ...slow, wanted: 3, withinMs: 0 }]), [{ granted: 1, leadMs: 0 }]);
    t.is((await limits.draw(SERVICE, [{ ...slow, withinMs: 50_000 }]))[0]?.granted, 0);
    t.is((await limits.draw(SERVICE, [{ ...slow, wanted: 9, withinMs: 250_000 }]))[0]?.granted, 2);
    t.is((await limits.draw(SERVICE, [{ ...slow, wanted: 9, returned: 2, withinMs: 250_000 }]))[0]?.granted, 2);
    t.is((await limits.draw(SERVICE, [{ ...slow, wanted: 0, returned: 3 }]))[0]?.granted, 0);
    t.deepEqual(await limits.draw(SERVICE, [{ ...slow, wanted: 2, withinMs: 0 }]), [{ granted: 1, leadMs: 0 }]);
  });

  promised('tokens stay tokens when the rate changes', async (t, stage) => {
    const { limits } = (await stage.peer('a')).link;
    const slow = { ...DRAW, perSecond: 0.01, burst: 1 };
    await limits.draw(SERVICE, [{ ...slow, wanted: 11 }]);
    const [quick] = await limits.draw(SERVICE, [{ ...slow, perSecond: 1 }]);
    t.true(quick!.leadMs > 1_000 && quick!.leadMs <= 11_000, `${quick!.leadMs} ms for eleven tokens`);
  });

  promised('time fills a bucket', async (t, stage) => {
    const { limits } = (await stage.peer('a')).link;
    const quick = { ...DRAW, perSecond: 50, burst: 2, withinMs: 0 };
    t.is((await limits.draw(SERVICE, [{ ...quick, wanted: 9 }]))[0]?.granted, 2);
    const again = await waitFor(async () => (await limits.draw(SERVICE, [{ ...quick, wanted: 1 }]))[0]?.granted, {
      withinMs: DEADLINE_MS,
      what: 'time to earn a token',
    });
    t.is(again, 1);
  });

  promised('places are shared in equal parts, and what one does not want is the others’', async (t, stage) => {
    const a = (await stage.peer('a')).link.limits;
    const b = (await stage.peer('b')).link.limits;
    const claim = { name: 'get', max: 5, using: 0, wished: 0 };
    t.deepEqual(
      await a.share(SERVICE, [
        { ...claim, wished: 9 },
        { ...claim, name: 'set', wished: 3 },
      ]),
      [5, 3],
    );
    t.deepEqual(await b.share(SERVICE, [{ ...claim, wished: 9 }]), [0], 'all are taken');
    const [left] = await a.share(SERVICE, [{ ...claim, using: 5, wished: 9 }]);
    t.true(left === 2 || left === 3, 'it may not start more than its part');
    t.deepEqual(await b.share(SERVICE, [{ ...claim, wished: 9 }]), [0], 'and uses all of them still');
    const [part] = await a.share(SERVICE, [{ ...claim, using: 1, wished: 9 }]);
    const [other] = await b.share(SERVICE, [{ ...claim, wished: 9 }]);
    t.true(part! >= 2 && other! >= 2 && part! + other! <= 5, `${part} and ${other} of 5`);
    t.deepEqual(await a.share(SERVICE, [claim]), [0]);
    t.deepEqual(await b.share(SERVICE, [{ ...claim, wished: 9 }]), [5]);
    t.deepEqual(await b.share(SERVICE, [{ ...claim, using: 2, wished: 2 }]), [2]);
    t.deepEqual(await a.share(SERVICE, [{ ...claim, wished: 9 }]), [3]);
  });

  promised('what cannot be divided goes round', async (t, stage) => {
    const ports = [(await stage.peer('a')).link.limits, (await stage.peer('b')).link.limits];
    const claim = { name: 'one', max: 1, using: 0, wished: 1 };
    const had = new Set<number>();
    await waitFor(
      async () => {
        for (const [index, port] of ports.entries()) if ((await port.share(SERVICE, [claim]))[0] === 1) had.add(index);
        return had.size === 2;
      },
      { withinMs: DEADLINE_MS, what: 'both to have had the only place' },
    );
    t.is(had.size, 2);
  });

  promised('places of a node that is no member are free, and it gets none', async (t, stage) => {
    const sleepy = await stage.peer('sleepy', SLEEPY_BEAT);
    const a = await stage.peer('a');
    const claim = { name: 'get', max: 2, using: 0, wished: 2 };
    t.deepEqual(await sleepy.link.limits.share(SERVICE, [claim]), [2]);
    t.deepEqual(await a.link.limits.share(SERVICE, [claim]), [0]);
    await a.missing(sleepy.id);
    t.deepEqual(await a.link.limits.share(SERVICE, [claim]), [2]);
    const refused = await sleepy.link.limits.share(SERVICE, [claim]).then(
      () => 'answered',
      (error: { code?: string }) => error.code,
    );
    t.is(refused, 'NOT_MEMBER');
  });
}
