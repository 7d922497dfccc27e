/**
 * NATS JetStream: durable one-way messages on a memory stream, a work queue with explicit acks.
 *
 * @import { Caller, Closable, Env } from '../lib/subject.js'
 */
import { AckPolicy, jetstream, jetstreamManager, RetentionPolicy, StorageType } from '@nats-io/jetstream';
import { connect as connectNats } from '@nats-io/transport-node';
import { payload } from '../lib/payload.js';
import { pump } from '../lib/pump.js';

const WINDOW = 1_024;

/**
 * @param {Env} env
 * @param {(n: number) => void} handled
 * @returns {Promise<Closable>}
 */
export async function serve(env, handled) {
  const nats = await connectNats({ servers: env.natsUrl });
  const manager = await jetstreamManager(nats);
  const stream = `${env.prefix}-casts`;
  await manager.streams.add({
    name: stream,
    subjects: [`${env.prefix}.durable`],
    storage: StorageType.Memory,
    retention: RetentionPolicy.Workqueue,
  });
  await manager.consumers.add(stream, {
    durable_name: 'service',
    ack_policy: AckPolicy.Explicit,
    max_ack_pending: 8_192,
  });
  const consumer = await jetstream(nats).consumers.get(stream, 'service');
  const messages = await consumer.consume({
    max_messages: 2_048,
    callback: (message) => {
      message.json();
      message.ack();
      handled(1);
    },
  });
  return {
    async close() {
      await messages.close();
      await manager.streams.delete(stream);
      await nats.close();
    },
  };
}

/**
 * @param {Env} env
 * @returns {Promise<Caller>}
 */
export async function connect(env) {
  const nats = await connectNats({ servers: env.natsUrl });
  const client = jetstream(nats);
  return {
    send: (n) => pump(n, WINDOW, () => client.publish(`${env.prefix}.durable`, JSON.stringify(payload))),
    close: () => nats.close(),
  };
}
