/** Names of topics, groups and patterns, and the mailbox of a group. Segments are separated by dots, as NATS has them. */

/** Longest name of a topic or a pattern: with what stands before it, it travels as a method. */
const MAX_NAME = 100;
const SEGMENT = '[a-z0-9][a-z0-9-]*';
export const TOPIC_NAME: RegExp = new RegExp(`^(?=.{1,${MAX_NAME}}$)${SEGMENT}(?:\\.${SEGMENT})*$`);
export const GROUP_NAME: RegExp = /^[a-z0-9][a-z0-9-]{0,63}$/;
/** `*` stands for one segment, `>` at the end for one or more. */
const PATTERN = new RegExp(`^(?=.{1,${MAX_NAME}}$)(?:(?:${SEGMENT}|\\*)(?:\\.(?:${SEGMENT}|\\*))*(?:\\.>)?|>)$`);

/** No actor has a dot in its name: what begins like this is of a topic. */
const PREFIX = 'topic.';

export function isPattern(text: string): boolean {
  return PATTERN.test(text);
}

/** Whether a topic is one of those that a pattern stands for. `lua/lib/topic.lua` says the same. */
export function matchesTopic(pattern: string, topic: string): boolean {
  const words = pattern.split('.');
  const segments = topic.split('.');
  const rest = words.at(-1) === '>';
  const fixed = rest ? words.length - 1 : words.length;
  if (rest ? segments.length <= fixed : segments.length !== fixed) return false;
  return words.slice(0, fixed).every((word, at) => word === '*' || word === segments[at]);
}

/** What a topic is called where services are named: in lanes, reports, settings and alerts. */
export function serviceOfTopic(topic: string): string {
  return PREFIX + topic;
}

/** The topic of such a name; undefined when it is of none. */
export function topicOfService(service: string): string | undefined {
  const topic = service.startsWith(PREFIX) ? service.slice(PREFIX.length) : '';
  return TOPIC_NAME.test(topic) ? topic : undefined;
}

/** The mailbox that holds a group's copies. */
export function groupMailbox(topic: string, group: string): string {
  return `${serviceOfTopic(topic)}@${group}`;
}
