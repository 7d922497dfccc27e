import { DEFAULT_ALERT_POLICY, type AlertPolicy } from '@homeostat/core';
import type { Answer } from '../../verb.ts';
import type { Action } from './action.ts';

export const policy: Action = {
  name: 'policy',
  synopses: ['alerts policy'],
  takes: [],
  plan(given) {
    given.words('policy');
    return async ({ node }) => policyAnswer(node.alerts.policy);
  },
};

/** A line for each path, as `configure` takes it. */
export function policyAnswer(held: AlertPolicy): Answer {
  const defaults = new Map(leaves(DEFAULT_ALERT_POLICY));
  const lines = leaves(held).map(([path, value]) => {
    const usual = defaults.get(path);
    return `${path}=${value}${value === usual ? '' : `  (default ${usual})`}`;
  });
  return { data: held, text: lines.join('\n') };
}

/** `severities.high.ackByMs` → its value, as JSON. */
function leaves(value: object, before = ''): readonly (readonly [path: string, value: string])[] {
  return Object.entries(value).flatMap(([name, inner]: [string, unknown]) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? leaves(inner, `${before}${name}.`)
      : [[`${before}${name}`, JSON.stringify(inner)] as const],
  );
}
