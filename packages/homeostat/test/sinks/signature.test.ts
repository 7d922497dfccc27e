import { createHmac } from 'node:crypto';
import test from 'ava';
import { sign, verifyWebhook } from '../../src/sinks/signature.ts';

const NOW = 1_700_000_000_000;
const BODY = '{"alert":{"id":"a1"}}';

test('a signature is the HMAC-SHA-256 of time and body, as any language can make it', (t) => {
  const hex = createHmac('sha256', 'whsec').update(`1700000000.${BODY}`).digest('hex');
  t.is(sign('whsec', BODY, NOW + 999), `t=1700000000,v1=${hex}`);
});

test('what was signed long ago, or far ahead, is refused', (t) => {
  const header = sign('whsec', BODY, NOW);
  const verify = (now: number, toleranceMs?: number): boolean =>
    verifyWebhook('whsec', header, BODY, { now, toleranceMs });
  t.true(verify(NOW));
  t.true(verify(NOW + 300_000));
  t.false(verify(NOW + 300_001));
  t.false(verify(NOW - 300_001));
  t.true(verify(NOW + 3_600_000, 3_600_000));
  t.false(verifyWebhook('whsec', header, BODY), 'by the clock');
});

test('one of several signatures is enough, so that a secret can be exchanged', (t) => {
  const [old = '', fresh = ''] = ['old', 'new'].map((secret) => sign(secret, BODY, NOW));
  const both = `${old}, ${fresh.split(',')[1]}`;
  for (const secret of ['old', 'new']) t.true(verifyWebhook(secret, both, BODY, { now: NOW }));
  t.false(verifyWebhook('other', both, BODY, { now: NOW }));
});

test('what is no signature is refused', (t) => {
  const header = sign('whsec', BODY, NOW);
  const [time = '', signature = ''] = header.split(',');
  const wrong = [
    undefined,
    '',
    time,
    signature,
    `${time},v1=`,
    `${time},v1=zz`,
    `${time},${signature}00`,
    `${time},v0${signature.slice(2)}`,
    `t=-1,${signature}`,
    `t=1e9,${signature}`,
    `t=99999999999999999999,${signature}`,
    `${time},${'v1=00,'.repeat(10_000)}${signature}`,
  ];
  for (const one of wrong) t.false(verifyWebhook('whsec', one, BODY, { now: NOW }), String(one).slice(0, 80));
});
