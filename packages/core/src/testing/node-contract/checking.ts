import { z } from 'zod';
import { actor } from '../../contract/actor.ts';
import { contract } from '../../contract/contract.ts';
import { ValidationError } from '../../ground/errors.ts';
import { rejection, type Promised } from './stage.ts';

const Person = z.object({ user: z.object({ age: z.number().min(0) }) });

const strict = contract('strict', { methods: { save: { input: Person, output: z.object({ saved: z.boolean() }) } } });
/** The same mailbox, as somebody sees it who does not check. */
const loose = contract('strict', { methods: { save: { input: z.any(), output: z.any() } } });

const shapes = contract('shapes', {
  methods: {
    shout: {
      input: z.object({ text: z.string().transform((text) => `${text}!`), times: z.number().default(2) }),
      output: z.object({ said: z.string() }),
    },
    wrong: { input: z.object({ value: z.any() }), output: z.object({ total: z.number() }) },
    later: {
      input: z.string().refine(async (text) => (await Promise.resolve(text)) !== 'no', 'not that one'),
      output: z.string(),
    },
  },
});

const shapesActor = actor(shapes, {
  shout: ({ text, times }) => ({ said: text.repeat(times), secret: 'not in the schema' }),
  wrong: ({ value }) => value as { total: number },
  later: (text) => text,
});

export function checking(promised: Promised): void {
  promised('an input that does not fit is refused at the caller, and the handler does not run', async (t, stage) => {
    let runs = 0;
    const node = await stage.serving(actor(strict, { save: () => ({ saved: (runs += 1) > 0 }) }));
    const api = node.client(strict);
    const error = await rejection(api.save({ user: { age: 'old' as unknown as number } }));
    t.true(error instanceof ValidationError);
    t.is(error.code, 'VALIDATION');
    t.is(error.outcome, 'not-executed');
    t.is(error.retryable, false);
    t.deepEqual(
      (error as ValidationError).issues.map((issue) => issue.path),
      [['user', 'age']],
    );
    t.is((error as ValidationError).side, 'input');
    t.is((await rejection(api.save.cast({ user: { age: -1 } }))).code, 'VALIDATION');
    t.deepEqual(await api.save({ user: { age: 1 } }), { saved: true });
    t.is(runs, 1);
  });

  promised('the node checks too, so that a caller with another schema gets nothing past it', async (t, stage) => {
    let runs = 0;
    const node = await stage.serving(actor(strict, { save: () => ({ saved: (runs += 1) > 0 }) }));
    const error = await rejection(node.client(loose).save({ user: { age: 'old' } }));
    t.true(error instanceof ValidationError);
    t.is(error.code, 'VALIDATION');
    t.is(error.outcome, 'not-executed');
    t.deepEqual(
      (error as ValidationError).issues.map((issue) => issue.path),
      [['user', 'age']],
    );
    t.is((error as ValidationError).side, 'input');
    t.is(runs, 0);
  });

  promised('defaults and transforms are applied once, in the node', async (t, stage) => {
    const node = await stage.serving(shapesActor);
    t.deepEqual(await node.client(shapes).shout({ text: 'ha' }), { said: 'ha!ha!' });
    t.deepEqual(await node.client(shapes).shout({ text: 'ha', times: 1 }), { said: 'ha!' });
  });

  promised('an answer that does not fit is OUTPUT_INVALID: the handler has run', async (t, stage) => {
    const node = await stage.serving(shapesActor);
    const error = await rejection(node.client(shapes).wrong({ value: { total: 'many' } }));
    t.true(error instanceof ValidationError);
    t.is(error.code, 'OUTPUT_INVALID');
    t.is(error.outcome, 'failed');
    t.is((error as ValidationError).side, 'output');
    t.deepEqual(
      (error as ValidationError).issues.map((issue) => issue.path),
      [['total']],
    );
  });

  promised('a schema that checks asynchronously does so on both sides', async (t, stage) => {
    const node = await stage.serving(shapesActor);
    t.is(await node.client(shapes).later('yes'), 'yes');
    t.is((await rejection(node.client(shapes).later('no'))).code, 'VALIDATION');
    const unchecked = contract('shapes', { methods: { later: { input: z.string() } } });
    t.is((await rejection(node.client(unchecked).later('no'))).code, 'VALIDATION');
  });
}
