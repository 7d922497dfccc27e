import type { TopicState } from '@homeostat/core';
import { table } from '../print.ts';
import type { Verb } from '../verb.ts';

export const topics: Verb = {
  name: 'topics',
  synopses: ['topics [topic]', 'topics drop <topic> <group>'],
  summary: 'Topics with their groups, and what waits for each; ends a group',
  about: [
    'A line for each group: messages and bytes that wait for it, entries of dead letters, the pattern that attached',
    'it, and whether it is being filled from the log. published: messages ever; kept: frames in the log.',
    'drop ends a group for good, on every node, with all that waits in it and its dead letters. The topic may be a',
    'pattern in quotes: then it ends what that attached.',
  ],
  examples: [
    'topics',
    'topics orders.created --json',
    'topics drop orders.created mailer',
    "topics drop 'orders.*' audit",
  ],
  plan(given) {
    const [, [action]] = given.split();
    if (action === 'drop') {
      const [, topic, name] = given.words('drop', 'topic', 'group');
      return async ({ node }) => {
        const dropped = await node.topics.drop(topic, name);
        const messages = dropped.reduce((sum, one) => sum + one.messages, 0);
        return { data: { dropped }, text: `${dropped.length} groups dropped, ${messages} messages with them` };
      };
    }
    const [, only] = given.upTo();
    return async ({ node }) => {
      const all = (await node.topics.list()).filter(({ topic }) => only === undefined || topic === only);
      return { data: { topics: all }, text: describe(all) };
    };
  },
};

function describe(all: readonly TopicState[]): string {
  if (all.length === 0) return 'no topic was published to or subscribed to';
  return table(
    ['TOPIC', 'PUBLISHED', 'KEPT', 'GROUP', 'MESSAGES', 'BYTES', 'DEAD', 'PATTERN', 'FILLING'],
    all.flatMap(({ topic, published, kept, groups }) =>
      (groups.length === 0 ? [undefined] : groups).map((one) => [
        ...[topic, published, kept, one?.group, one?.messages, one?.bytes, one?.dead, one?.pattern],
        one?.filling === true ? 'yes' : undefined,
      ]),
    ),
  );
}
