/** Checks that were never seen failing are unproven: without a guard the simulation must find what it guards. */
import test from 'ava';
import { findWithout, type Guard } from './mutant.ts';

interface Mutant {
  readonly name: string;
  readonly guard: Guard;
  /** One finding must be of this kind. */
  readonly caught: RegExp;
  /** Where the search begins, of what few stories show; the others are played after those. */
  readonly first?: number;
}

const SEEDS = 1_000;
/** For all of them on a busy machine, ms. */
const SEARCH_MS = 600_000;

const mutants: readonly Mutant[] = [
  {
    name: 'the fence: whoever was removed is no member',
    guard: {
      file: 'backends/memory/hold.js',
      text: 'return member !== undefined && this.world.members.has(member.id) ? member : undefined;',
      instead: 'return member;',
    },
    caught: /^fence: /,
  },
  {
    name: 'the numbers that tell a repeated frame',
    guard: {
      file: 'backends/memory/broker.js',
      text: 'if (last !== undefined && request.number <= last.number)',
      instead: 'if (last !== undefined && request.number < 0)',
    },
    caught: /^runs: /,
  },
  {
    name: 'that only its holder ends an entry',
    guard: {
      file: 'backends/memory/mailbox.js',
      text: 'return this.#pending.get(member)?.get(id);',
      instead: 'for (const held of this.#pending.values()) if (held.has(id)) return held.get(id);',
    },
    caught: /^one ending: /,
    first: 560,
  },
  {
    name: 'that what a dead member held goes to others',
    guard: {
      file: 'backends/memory/mailbox.js',
      text: 'for (const entry of held?.values() ?? []) {',
      instead: 'for (const entry of []) {',
    },
    caught: /^(no trouble|at least once): /,
  },
  {
    name: 'the receipt of an append: what is unknown is sent again',
    guard: {
      file: 'sending/outbox.js',
      text: "if (error.outcome !== 'not-executed')\n            frame.ambiguous = true;",
      instead: 'for (const receipt of frame.receipts.splice(0)) receipt.accepted(); return true;',
    },
    caught: /^at least once: /,
  },
  {
    name: 'the receipt of an answer: a settlement only after it',
    guard: {
      file: 'serving/endings.js',
      text: 'send(inbox, receipt);',
      instead: 'send(inbox, receipt); this.answered(batch, index);',
    },
    caught: /^settled after the answer: /,
  },
  {
    name: 'the mask of what is left of a frame',
    guard: {
      file: 'backends/memory/settle.js',
      text: 'const kept = both(todo, todoOf(entry));',
      instead: "const kept = '0';",
    },
    caught: /^at least once: /,
  },
  {
    name: 'that a settlement waits for the handler',
    guard: {
      file: 'serving/mailbox-intake.js',
      text: 'this.#endings.hold(batch);',
      instead: "this.#endings.hold(batch); this.#needs.settler().add({ kind: 'done', claim });",
    },
    caught: /^(at least once|one ending): /,
  },
  {
    name: 'that a spent message becomes a dead letter',
    guard: {
      file: 'serving/verdict.js',
      text: 'return exhausted || tooLate || !failure.retryable ? DEAD',
      instead: 'return exhausted || tooLate || !failure.retryable ? ACK',
    },
    caught: /^at least once: /,
  },
  {
    name: 'that an answer finds its own call',
    guard: {
      file: 'sending/replies.js',
      text: 'const call = envelope.kind > Kind.error ? undefined : this.#pending.get(envelope.correlation);',
      instead: 'const call = this.#pending.values().next().value;',
    },
    caught: /^answers: /,
  },
  {
    name: 'what is known of tries before the last one',
    guard: {
      file: 'resilience/retry.js',
      text: "last.outcome !== 'not-executed' || before === 'not-executed'",
      instead: 'true',
    },
    caught: /^outcomes: /,
  },
  {
    name: 'the order gate: one of a key at a time',
    guard: {
      file: 'keyed/line.js',
      text: 'if (queue.busy || queue.ready || queue.places.length === 0)',
      instead: 'if (queue.ready || queue.places.length === 0)',
    },
    caught: /^(runs|one at a time per key): /,
  },
  {
    name: 'that one node at a time owns a partition',
    guard: {
      file: 'backends/memory/partition.js',
      text: 'if (owner !== undefined && owner !== member)',
      instead: 'if (false)',
    },
    caught: /^one owner: /,
  },
  {
    name: 'that state is written with the end of its message',
    guard: {
      file: 'backends/memory/partition.js',
      text: 'keepOrEnd({ mailbox: this.log, member }, entry, withoutOne(todo, index));',
      instead: '',
    },
    caught: /^(runs|applied once): /,
  },
  {
    name: 'the numbers of casts that leave with state',
    guard: {
      file: 'keyed/relay.js',
      text: 'append({ mailbox, number, frame, count, producer })',
      instead: 'append({ mailbox, number, frame, count, producer: producer + Math.random() })',
    },
    caught: /^(runs|onwards): /,
  },
  {
    name: 'that what was skipped is read again',
    guard: { file: 'keyed/cursor.js', text: 'this.#seek(justBefore(from));', instead: '' },
    caught: /^(at least once|order per key): /,
  },
  {
    name: 'that a key waits for a handler that was given up',
    guard: {
      file: 'keyed/keyed-waiting.js',
      text: 'if (this.#needs.isTaken(queue.key)) {',
      instead: 'if (false) {',
    },
    caught: /^(order|one at a time) per key: /,
    first: 250,
  },
  {
    name: 'that what ended while it was being read has ended',
    guard: {
      file: 'keyed/partition.js',
      text: 'if (this.#inHand.hasEnded(claim.id))',
      instead: 'if (false)',
    },
    caught: /^runs: /,
    first: 2_746,
  },
  {
    name: 'the gate for what has an id',
    guard: {
      file: 'serving/gates/once.js',
      text: 'return delivery.id === undefined ? undefined : this.#runs.begin(delivery);',
      instead: 'return undefined;',
    },
    caught: /^once only: /,
  },
  {
    name: 'the answer that is kept for an id',
    guard: {
      file: 'backends/memory/once-book.js',
      text: "if (known?.state === 'done') {",
      instead: "if (known?.state === 'never') {",
    },
    caught: /^once only: /,
  },
  {
    name: 'that an id has one run at a time',
    guard: {
      file: 'backends/memory/once-book.js',
      text: "if (known?.state === 'runs' && known.message !== message && this.#lives(known.node)) {",
      instead: "if (known?.state === 'never') {",
    },
    caught: /^once only: /,
  },
];

for (const { name, guard, caught, first } of mutants) {
  test.serial(`without ${name} the simulation finds it`, async (t) => {
    t.timeout(SEARCH_MS);
    const { seed, faults = [] } = await findWithout(guard, SEEDS, first);
    t.log(`seed ${seed}:`, ...faults.slice(0, 3));
    t.true(faults.some((fault) => caught.test(fault)));
  });
}
