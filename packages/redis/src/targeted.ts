/**
 * What is for one member alone lies in a mailbox of its own beside the shared one (`mailbox>member`). It is made by the
 * first that is sent so and read from then on; before that it costs nothing. Once its member is no more, or serves the
 * mailbox no more, what is in it goes back to the shared one.
 */
import type { Connection } from './connection.ts';
import { addressOf, mailboxKeys, nodeKeys, targetedName } from './keys.ts';
import type { LaneClaims } from './lane-claims.ts';
import { Mailbox } from './mailbox.ts';
import { run } from './script.ts';

/** Entries returned by one script. */
const MOST_RETURNED = 32;
/** What could not be returned is tried again after this, ms. */
const AGAIN_MS = 200;

/** Opens what is for this node alone beside each of `boxes`. */
export async function openOwn(lane: LaneClaims, boxes: readonly Mailbox[], connection: Connection): Promise<void> {
  const { registration, hands, log } = lane.ground;
  const owner = registration.id;
  if (owner === undefined || boxes.length === 0) return;
  const opening = boxes.map((shared) => {
    const name = targetedName(shared.name, owner);
    const { limits, intake } = shared;
    const keys = mailboxKeys(lane.keys, name);
    return {
      shared,
      own: shared.own ?? new Mailbox({ name, keys, limits, intake, held: hands.of(name), log }, shared),
    };
  });
  const failures = await lane.open(
    opening.map(({ own }) => own),
    connection,
  );
  if (registration.id !== owner) return;
  opening.forEach(({ shared, own }, i) => {
    if (failures[i] !== undefined || shared.own !== undefined) return;
    if (shared.closed) {
      void returnOwn(lane, own.name);
      return;
    }
    // It may have been read before, by a reader that was closed with an answer under way.
    own.needsSweep = true;
    shared.adjoin(own);
  });
}

/** This node serves the mailbox no more: what it has not claimed goes back, sooner or later. */
export async function returnOwn(lane: LaneClaims, name: string): Promise<void> {
  const { registration } = lane.ground;
  const owner = registration.id;
  try {
    await returnTargeted(lane, name);
  } catch {
    setTimeout(() => {
      if (registration.id === owner) void returnOwn(lane, name);
    }, AGAIN_MS).unref();
  }
}

/** Returns what is in `name` to the shared mailbox, unless it is for a member that may still read it. */
export async function returnTargeted(lane: LaneClaims, name: string): Promise<void> {
  if (lane.returning.has(name)) return;
  lane.returning.add(name);
  const { registration, command } = lane.ground;
  const { stream, progress } = mailboxKeys(lane.keys, name);
  const shared = mailboxKeys(lane.keys, addressOf(name).shared);
  const { members, orphans, revision } = lane.keys;
  try {
    for (;;) {
      const owner = registration.id;
      if (owner === undefined) return;
      const answer = await run<number | 'not-member'>(
        command,
        'return',
        [
          members,
          stream,
          progress,
          shared.stream,
          shared.progress,
          orphans,
          revision,
          nodeKeys(lane.keys, owner).serves,
        ],
        [owner, name, MOST_RETURNED],
      );
      if (answer === 'not-member') registration.lose(owner, 'no member when returning what was targeted');
      if (answer !== 1) return;
    }
  } finally {
    lane.returning.delete(name);
  }
}
