/** A group is served like any actor: one that has a single method, in a mailbox of the group's own. */
import type { Actor } from '../contract/actor.ts';
import type { StandardSchema } from '../contract/standard-schema.ts';
import type { ActorPolicy } from '../node/options.ts';
import { GroupContext, type TopicHandler } from './context.ts';
import { groupMailbox, serviceOfTopic } from './names.ts';

/** The method that every message of a topic is for. */
export const MESSAGE = 'message';

export interface GroupServing {
  readonly topic: string;
  readonly group: string;
  readonly schema: StandardSchema | undefined;
  readonly handler: TopicHandler<never>;
  readonly policy: ActorPolicy;
}

export function groupActor({ topic, group, schema, handler, policy }: GroupServing): Actor {
  return Object.freeze({
    contract: Object.freeze({
      name: serviceOfTopic(topic),
      version: '1.0.0',
      mailbox: groupMailbox(topic, group),
      methods: Object.freeze({ [MESSAGE]: schema === undefined ? {} : { input: schema } }),
    }),
    handlers: {
      // What it answers is nobody's business, but it is waited for.
      [MESSAGE]: (payload, ctx) =>
        handler(payload as never, new GroupContext(ctx, topic, group)) as void | Promise<void>,
    },
    policy,
  } satisfies Actor);
}
