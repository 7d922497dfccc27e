import test from 'ava';
import { measureLoopDelay } from '../../src/health/loop-delay.ts';
import { waitFor } from '../../src/testing/wait-for.ts';

test('the longest delay of the event loop is measured, at once and by samples (S0-41)', async (t) => {
  const loopDelay = measureLoopDelay();
  t.teardown(() => loopDelay.close());
  const until = performance.now() + 400;
  while (performance.now() < until);
  t.true(loopDelay.takeMs() > 200, 'before the loop has turned');
  const seen = await waitFor(() => loopDelay.takeMs(), { withinMs: 2_000, what: 'the sample of it' });
  t.true(seen > 200, `${seen} ms`);
  await waitFor(() => loopDelay.takeMs() < 200, { withinMs: 2_000, what: 'a calm moment' });
});
