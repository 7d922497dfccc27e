import type { Arguments } from '../arguments.ts';
import { describeSpan } from '../duration.ts';
import { mustHaveMethod } from '../known.ts';
import { jsonOrText } from '../settings.ts';
import { UsageError } from '../usage-error.ts';
import type { Verb } from '../verb.ts';

const options = {
  key: { value: '<key>', says: 'Of a keyed actor: whose turn it is' },
  id: { value: '<id>', says: 'What the request is named by: it runs once' },
} as const;

const INPUT = [
  'The input is JSON where it is JSON, else text; left out, there is none. The node that serves the method checks it.',
  'users@2.find names another major version than 1.',
];

export const call: Verb = {
  name: 'call',
  synopses: ['call <service>.<method> [input] [--key <key>] [--id <id>] [--timeout <time>]'],
  summary: 'Calls a method, and shows what it answers',
  about: [...INPUT, 'It is no method that yields: those are read by programs.'],
  options: { ...options, timeout: { value: '<time>', says: 'How long to wait for the answer (default 30s)' } },
  examples: ['call users.find \'{"id":1}\'', 'call accounts.look --key ann --timeout 2s'],
  plan(given) {
    const { service, method, input, named } = said(given);
    const timeoutMs = given.span('timeout');
    return async ({ node }) => {
      mustHaveMethod(node, service, method);
      const answer = await node.client(service).call(method, input, { ...named, timeoutMs });
      return { data: { answer }, text: answer === undefined ? 'done' : JSON.stringify(answer, undefined, 2) };
    };
  },
};

export const cast: Verb = {
  name: 'cast',
  synopses: ['cast <service>.<method> [input] [--key <key>] [--id <id>] [--delay <time>]'],
  summary: 'Tells a method, durably: ends when the message is accepted',
  about: INPUT,
  options: { ...options, delay: { value: '<time>', says: 'It is handled no sooner than this from now' } },
  examples: ['cast mails.send \'{"to":"ada"}\' --delay 10m', 'cast orders.place \'{"id":7}\' --id order-7'],
  plan(given) {
    const { service, method, input, named } = said(given);
    const delayMs = given.span('delay');
    return async ({ node }) => {
      mustHaveMethod(node, service, method);
      await node.client(service).cast(method, input, { ...named, delayMs });
      const when = delayMs === undefined ? '' : `, for in ${describeSpan(delayMs)}`;
      return { data: { service, method, accepted: true }, text: `accepted${when}` };
    };
  },
};

interface Said {
  readonly service: string;
  readonly method: string;
  readonly input: unknown;
  readonly named: { readonly key: string | undefined; readonly id: string | undefined };
}

const METHOD = /^([a-z][a-z0-9-]*(?:@\d{1,5})?)\.(\w+)$/;

/** @throws UsageError */
function said(given: Arguments): Said {
  const [[word], text] = given.upTo('service.method');
  const [, service, method] = METHOD.exec(word) ?? [];
  if (service === undefined || method === undefined)
    throw new UsageError(`"${word}" is no <service>.<method>, such as users.find`);
  const input = text === undefined ? undefined : jsonOrText(text);
  return { service, method, input, named: { key: given.text('key'), id: given.text('id') } };
}
