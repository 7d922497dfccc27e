import { TransportError } from '@homeostat/core';
import { UsageError } from '../../usage-error.ts';
import type { Action } from './action.ts';
import { answerOf } from './describe.ts';
import { SEVERITIES } from './words.ts';

export const raise: Action = {
  name: 'raise',
  synopses: ['alerts raise <kind> --message <text> [--severity <severity>] [--service <service>]'],
  takes: ['message', 'severity', 'service'],
  plan(given) {
    const [, kind] = given.words('raise', 'kind');
    const [message, service] = [given.text('message'), given.text('service')];
    const severity = given.choice('severity', SEVERITIES);
    if (message === undefined) throw new UsageError('raise asks for a --message');
    return async ({ node, by }) => {
      const { id } = await node.pain({ kind, message, severity, service, metrics: { by } });
      // Without Redis it is kept by this process, which is about to end.
      const written = await node.alerts.get(id);
      if (written === undefined) throw new TransportError('Redis did not answer in time: the alert may be lost');
      const { data, text } = answerOf(written, node.now());
      return { data, text: written.unrouted === true ? `${text}\n${UNROUTED}` : text };
    };
  },
};

const UNROUTED = 'nobody was told: nobody has subscribed to alerts of this level';
