import { z } from 'zod';
import { actor } from '../../contract/actor.ts';
import { contract } from '../../contract/contract.ts';
import {
  Aborted,
  ActorError,
  CallTimeout,
  CircuitOpen,
  ConfigError,
  HandlerError,
  MailboxFull,
  MethodNotFound,
  NodeClosed,
  Overloaded,
  PayloadTooLarge,
  SerializationError,
  ServiceDisabled,
  ServiceNotFound,
  ValidationError,
  type HomeostatError,
  type Outcome,
} from '../../ground/errors.ts';
import { gate, rejection, until, type Promised } from './stage.ts';

const desk = contract('desk', {
  methods: {
    give: { input: z.any(), output: z.any() },
    hold: { breaker: false },
    strict: { input: z.number() },
    break: { retry: false },
    refuse: { errors: { NO: z.number() } },
  },
});
const newer = contract('desk', { methods: { later: {} } });
const nobody = contract('nobody', { methods: { ask: {} } });

type Kind = new (...given: never[]) => HomeostatError;

/** The branches of a caller that copes with everything. */
async function robust(call: Promise<unknown>): Promise<unknown> {
  try {
    return await call;
  } catch (thrown) {
    const { code, retryable } = thrown as HomeostatError;
    switch (code) {
      case 'CIRCUIT_OPEN':
        return 'temporarily unavailable';
      case 'CALL_TIMEOUT':
        return 'timed out';
      case 'NO':
        return 'not there';
      default:
        if (retryable) return 'server error';
        throw thrown;
    }
  }
}

export function failing(promised: Promised): void {
  promised('each kind of failure has its class, its code and what is known of the work (S0-43)', async (t, stage) => {
    const { opened, open } = gate();
    await stage.serving(
      actor(
        desk,
        {
          give: (value) => value as unknown,
          hold: () => opened,
          strict: () => {},
          break: () => {
            throw new Error('it broke');
          },
          refuse: (_input, ctx) => {
            throw ctx.fail('NO', 7);
          },
        },
        { maxLength: 8 },
      ),
    );
    const node = await stage.node('caller', {
      maxBodyBytes: 4_096,
      services: { off: { delivery: 'disabled' }, few: { maxPending: 1 } },
    });
    const closed = await stage.node('closed');
    await closed.close();
    await node.breaker('desk.strict').open({ reason: 'maintenance' });
    const api = node.client(desk, { timeoutMs: 10_000 });
    const [off, few] = [contract('off', { methods: { ask: {} } }), contract('few', { methods: { ask: {} } })];
    const over = new AbortController();
    const waiting = rejection(node.client(few, { timeoutMs: 300 }).ask());
    const provoked: [Promise<unknown>, Kind, string, Outcome][] = [
      [api.strict('x' as unknown as number), ValidationError, 'VALIDATION', 'not-executed'],
      [api.give(() => 1), SerializationError, 'SERIALIZATION', 'not-executed'],
      [api.give('x'.repeat(5_000)), PayloadTooLarge, 'PAYLOAD_TOO_LARGE', 'not-executed'],
      [api.give(1, { timeoutMs: 0 }), ConfigError, 'CONFIG', 'not-executed'],
      [api.hold(undefined, { timeoutMs: 150 }), CallTimeout, 'CALL_TIMEOUT', 'unknown'],
      [api.hold(undefined, { signal: over.signal }), Aborted, 'ABORTED', 'unknown'],
      [api.break(), HandlerError, 'HANDLER', 'failed'],
      [api.refuse(), ActorError, 'NO', 'failed'],
      [api.strict(1), CircuitOpen, 'CIRCUIT_OPEN', 'not-executed'],
      [node.client(newer).later(), MethodNotFound, 'METHOD_NOT_FOUND', 'not-executed'],
      [node.client(nobody, { failFast: true }).ask(), ServiceNotFound, 'SERVICE_NOT_FOUND', 'not-executed'],
      [node.client(off).ask(), ServiceDisabled, 'SERVICE_DISABLED', 'not-executed'],
      [node.client(few).ask(), Overloaded, 'OVERLOADED', 'not-executed'],
      [closed.client(desk).give(1), NodeClosed, 'NODE_CLOSED', 'not-executed'],
    ];
    setTimeout(() => over.abort(), 50);
    for (const [promise, kind, code, outcome] of provoked) {
      const error = await rejection(promise);
      t.deepEqual([error.code, error.outcome, error instanceof kind], [code, outcome, true], error.message);
    }
    await waiting;
    const full = await rejection(Promise.all(Array.from({ length: 10 }, () => api.hold.cast())));
    t.deepEqual([full.code, full instanceof MailboxFull], ['MAILBOX_FULL', true]);
    open();
    t.is(await api.give('still there', { timeoutMs: 20_000 }), 'still there');
  });

  promised('a caller that copes branches by code, and needs no class (S1-45)', async (t, stage) => {
    let runs = 0;
    await stage.serving(
      actor(desk, {
        give: (value) => value as unknown,
        hold: () => new Promise(() => {}),
        strict: () => {},
        break: () => {
          runs += 1;
          throw new Error('it broke');
        },
        refuse: (_input, ctx) => {
          throw ctx.fail('NO', 7);
        },
      }),
    );
    const node = await stage.node('caller');
    const api = node.client(desk);
    t.is(await robust(api.give(1)), 1);
    t.is(await robust(api.refuse()), 'not there');
    t.is(await robust(api.hold(undefined, { timeoutMs: 50 })), 'timed out');
    const strict = robust(api.strict('x' as unknown as number));
    t.is((await rejection(strict)).code, 'VALIDATION');
    for (let tries = 1; tries <= 5; tries += 1) t.is(await robust(api.break()), 'server error');
    await until('it to be refused', async () => (await robust(api.break())) === 'temporarily unavailable');
    t.is(runs, 5);
  });
}
