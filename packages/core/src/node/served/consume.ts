import { codeOf } from '../../ground/errors.ts';
import type { Broker } from '../../ports/broker.ts';
import { writeHints } from './hints.ts';
import type { Served } from './served.ts';

/** Begins to claim what waits for an actor; after an eviction: again, under the new id. */
export async function consume(broker: Broker, served: Served): Promise<void> {
  await read(broker, served);
  try {
    await writeHints(broker, served);
  } catch (thrown) {
    // A full backend takes no hints, but what waits shall be handled: that is how it gets room.
    if (codeOf(thrown) !== 'BACKEND_FULL') throw thrown;
  }
}

/** One reader for each line of its mailbox. Those that there are from before read on. */
async function read(broker: Broker, { actor, dispatcher, keyed }: Served): Promise<void> {
  const { maxLength, maxBytes } = actor.policy;
  const limits = { maxLength, maxBytes };
  await keyed?.open();
  const intake = keyed?.shared(dispatcher) ?? dispatcher;
  const { intakes } = dispatcher;
  if (intakes !== undefined) {
    for (const line of intakes)
      if (!line.attached) dispatcher.attachLine(line, await broker.consume(line.mailbox, limits, line));
  } else if (!dispatcher.reading) dispatcher.attach(await broker.consume(actor.contract.mailbox, limits, intake));
}
