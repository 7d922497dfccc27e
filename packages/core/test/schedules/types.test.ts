import test from 'ava';
import { z } from 'zod';
import { contract, type NodeSchedules } from '../../src/index.ts';

const reports = contract('reports', { methods: { make: { input: z.object({ of: z.string() }) }, sweep: {} } });

/** Compiled, never called. */
export async function typed(schedules: NodeSchedules): Promise<void> {
  const make = { contract: reports, method: 'make', input: { of: 'sales' } } as const;
  await schedules.put('x', { every: 1_000, ...make, startAt: new Date(), limit: 3, overlap: 'skip' });
  await schedules.put('x', { cron: '0 3 * * *', timeZone: 'UTC', contract: reports, method: 'sweep' });
  await schedules.put('x', { at: new Date(), ...make });
  // @ts-expect-error -- input of another kind
  await schedules.put('x', { delayMs: 5, contract: reports, method: 'make', input: { of: 1 } });
  // @ts-expect-error -- input is missing
  await schedules.put('x', { delayMs: 5, contract: reports, method: 'make' });
  // @ts-expect-error -- no such method
  await schedules.put('x', { delayMs: 5, contract: reports, method: 'burn' });
  // @ts-expect-error -- no time
  await schedules.put('x', make);
  // @ts-expect-error -- no such option
  await schedules.put('x', { every: 1_000, ...make, every_: 1 });
}

test('what a schedule tells is typed by the contract', (t) => {
  t.is(typeof typed, 'function');
});
