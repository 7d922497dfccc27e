import test from 'ava';
import { Kernel, newOwner, WORLD } from './kernel.ts';

const turn = (kernel: Kernel, ms: number): Promise<void> => new Promise((resolve) => kernel.after(ms, resolve, WORLD));

test('tasks come at their moments, and no real time passes', async (t) => {
  const kernel = new Kernel();
  const seen: string[] = [];
  const startedAt = performance.now();
  await kernel.run(async () => {
    kernel.after(3_600_000, () => seen.push(`late ${kernel.elapsed}`));
    kernel.after(10, () => seen.push(`early ${kernel.elapsed}`));
    const cancel = kernel.after(20, () => seen.push('never'));
    cancel();
    await turn(kernel, 3_600_000);
  });
  t.deepEqual(seen, ['early 10', 'late 3600000']);
  t.true(performance.now() - startedAt < 5_000);
});

test('whoever is held up goes on where it was; whoever is dead does not', async (t) => {
  const kernel = new Kernel();
  const [slow, dead] = [newOwner('slow'), newOwner('dead')];
  const seen: string[] = [];
  await kernel.run(async () => {
    for (const owner of [slow, dead]) {
      kernel.after(1, () => seen.push(`${owner.name} one`), owner);
      kernel.after(2, () => kernel.after(1, () => seen.push(`${owner.name} two at ${kernel.elapsed}`)), owner);
    }
    kernel.hold(slow);
    dead.dead = true;
    await turn(kernel, 100);
    t.deepEqual(seen, []);
    kernel.release(slow);
    await turn(kernel, 100);
  });
  t.deepEqual(seen, ['slow one', 'slow two at 101']);
});

test('what a task throws is kept, and the others go on', async (t) => {
  const kernel = new Kernel();
  await kernel.run(async () => {
    kernel.after(0, () => {
      throw new Error('thrown');
    });
    await turn(kernel, 1);
  });
  t.deepEqual(
    kernel.thrown.map((error) => (error as Error).message),
    ['thrown'],
  );
});

test('a story that cannot go on ends', async (t) => {
  const never = (): Promise<void> => new Promise(() => undefined);
  await t.throwsAsync(new Kernel().run(never), { message: /nothing is left to happen/ });
  const kernel = new Kernel();
  const round = (): void => void kernel.after(0, round);
  await t.throwsAsync(
    kernel.run(() => {
      round();
      return never();
    }),
    { message: /does not come to rest/ },
  );
});
