import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { ConfigError, HandlerError } from '@homeostat/core';
import { waitFor } from '@homeostat/core/testing';
import { verifyWebhook } from '../../src/sinks/signature.ts';
import { webhook, type WebhookOptions } from '../../src/sinks/webhook.ts';
import { alert, contextOf } from './told.ts';

interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly at: number;
}

interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A server that gives these answers in turn, the last for ever; `silent` gives none. */
async function serve(
  t: ExecutionContext,
  ...answers: readonly (Answer | 'silent' | 'hang-up')[]
): Promise<{ readonly url: string; readonly received: readonly Received[] }> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      received.push({ method, url, headers, body, at: Date.now() });
      const answer = answers[Math.min(received.length, answers.length) - 1] ?? { status: 204 };
      if (answer === 'silent') return;
      if (answer === 'hang-up') request.socket.destroy();
      else response.writeHead(answer.status, answer.headers).end('some words');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received };
}

const send = (options: WebhookOptions, context = contextOf()): Promise<unknown> =>
  Promise.resolve(webhook({ backoffMs: 10, ...options }).handle(alert, context));

test('a notice is posted as JSON, signed, and named so that it is known when it comes again', async (t) => {
  const { url, received } = await serve(t, { status: 200 });
  const digest = { from: 1, to: 2, total: 7, groups: [] };
  await send({ url: `${url}/hook?channel=ops`, secret: 'whsec', headers: { 'X-Team': 'blue' } }, contextOf({ digest }));
  t.is(received.length, 1);
  const [{ method, url: path, headers, body }] = received as [Received];
  t.deepEqual([method, path], ['POST', '/hook?channel=ops']);
  t.like(headers, { 'content-type': 'application/json', 'x-team': 'blue', 'x-homeostat-delivery': 'a1-3' });
  const { sentAt, ...told } = JSON.parse(body) as { sentAt: number };
  t.deepEqual(told as unknown, { alert, notice: contextOf().notice, digest });
  t.true(Math.abs(Date.now() - sentAt) < 10_000);
  const signature = headers['x-homeostat-signature'] as string;
  t.regex(signature, /^t=\d+,v1=[0-9a-f]{64}$/);
  t.true(verifyWebhook('whsec', signature, body));
  t.true(verifyWebhook('whsec', signature, Buffer.from(body)));
  t.false(verifyWebhook('other', signature, body));
  t.false(verifyWebhook('whsec', signature, `${body} `));
});

test('without a secret there is no signature; user and password of the URL are sent as authorization', async (t) => {
  const { url, received } = await serve(t, { status: 204 });
  await send({ url: new URL(url.replace('http://', 'http://user:p%40ss@')) });
  t.false('x-homeostat-signature' in received[0]!.headers);
  t.is(received[0]?.headers.authorization, `Basic ${Buffer.from('user:p@ss').toString('base64')}`);
});

test('what may be another answer next time is asked for again, with the same body and name', async (t) => {
  for (const trouble of [{ status: 500 }, { status: 503 }, { status: 408 }, { status: 429 }, 'hang-up'] as const) {
    const { url, received } = await serve(t, trouble, trouble, { status: 201 });
    await send({ url });
    t.is(received.length, 3, JSON.stringify(trouble));
    t.is(new Set(received.map(({ body }) => body)).size, 1);
    t.is(new Set(received.map(({ headers }) => headers['x-homeostat-delivery'])).size, 1);
  }
});

test('what fails every time has failed after three requests', async (t) => {
  const { url, received } = await serve(t, { status: 502 });
  const error = await t.throwsAsync(send({ url: `${url}/T0/secret?key=secret` }), { instanceOf: HandlerError });
  t.is(error.message, `POST ${url}: status 502`);
  t.is(received.length, 3);
  const gone = createServer();
  await new Promise<void>((resolve) => gone.listen(0, '127.0.0.1', resolve));
  const { port } = gone.address() as AddressInfo;
  await new Promise((resolve) => gone.close(resolve));
  await t.throwsAsync(send({ url: `http://127.0.0.1:${port}/secret` }), {
    message: `POST http://127.0.0.1:${port}: ECONNREFUSED`,
  });
});

test('any other answer has failed at once, and redirects are not followed', async (t) => {
  for (const status of [400, 401, 403, 404, 410, 422, 302]) {
    const { url, received } = await serve(t, { status, headers: status === 302 ? { location: '/elsewhere' } : {} });
    await t.throwsAsync(send({ url }), { message: `POST ${url}: status ${status}` });
    t.is(received.length, 1, String(status));
  }
});

test('a request that gets no answer in time is given up, and made again', async (t) => {
  const { url, received } = await serve(t, 'silent');
  await t.throwsAsync(send({ url, timeoutMs: 500, attempts: 2 }), {
    message: `POST ${url}: no answer within 500 ms`,
  });
  t.is(received.length, 2);
});

test('Retry-After is respected, as seconds and as a date, as far as the timeout allows', async (t) => {
  const waited = async (retryAfter: string, timeoutMs: number): Promise<number> => {
    const { url, received } = await serve(t, { status: 429, headers: { 'retry-after': retryAfter } }, { status: 200 });
    await send({ url, timeoutMs });
    return received[1]!.at - received[0]!.at;
  };
  const [seconds, bounded, date, nonsense] = await Promise.all([
    waited('1', 5_000),
    waited('3600', 300),
    waited(new Date(Date.now() + 3_600_000).toUTCString(), 300),
    waited('soon', 5_000),
  ]);
  t.true(seconds >= 950 && seconds < 4_000, `${seconds} ms`);
  t.true(bounded >= 250 && bounded < 4_000, `${bounded} ms`);
  t.true(date >= 250 && date < 4_000, `${date} ms`);
  t.true(nonsense < 900, `${nonsense} ms`);
});

test('the back-off doubles', async (t) => {
  const { url, received } = await serve(t, { status: 500 }, { status: 500 }, { status: 200 });
  await send({ url, backoffMs: 150 });
  const [first = 0, second = 0, third = 0] = received.map(({ at }) => at);
  t.true(second - first >= 140, `${second - first} ms`);
  t.true(third - second >= 290, `${third - second} ms`);
});

test('whoever is aborted stops, and asks no more', async (t) => {
  const { url, received } = await serve(t, 'silent');
  const abort = new AbortController();
  const sending = send({ url }, contextOf({ signal: abort.signal }));
  setTimeout(() => abort.abort(), 50);
  await t.throwsAsync(sending);
  t.true(received.length <= 1);
  const { url: busy, received: asked } = await serve(t, { status: 503 });
  const second = new AbortController();
  const waiting = send({ url: busy, backoffMs: 10_000 }, contextOf({ signal: second.signal }));
  const ended = t.throwsAsync(waiting);
  await waitFor(() => asked.length === 1, { withinMs: 10_000, what: 'the first try' });
  second.abort();
  await ended;
  t.is(asked.length, 1);
});

test('each URL is a group of its own, and its name tells no secret', (t) => {
  const { name, human } = webhook({ url: 'https://user:pw@hooks.example:8443/services/T0/SECRET?key=SECRET' });
  t.regex(name, /^webhook hooks\.example:8443 [0-9a-f]{8}$/);
  t.true(human);
  t.is(webhook({ url: 'http://a/b' }).name, webhook({ url: new URL('http://a/b') }).name);
  t.not(webhook({ url: 'http://a/b' }).name, webhook({ url: 'http://a/c' }).name);
  t.like(webhook({ url: 'http://a/b', name: 'pager', human: false }), { name: 'pager', human: false });
});

test('wrong options are refused, each by its path, and no secret is named', (t) => {
  const refused = (options: object): string =>
    t.throws(() => webhook(options as WebhookOptions), { instanceOf: ConfigError }).message;
  t.regex(refused({ url: 'ftp://hooks.example/SECRET' }), /^webhook\.url: must be a URL of http or https$/);
  t.regex(refused({ url: 'SECRET' }), /^webhook\.url: must be a URL/);
  t.regex(refused({}), /^webhook\.url: /);
  t.regex(refused({ url: 'http://a', attempts: 0 }), /^webhook\.attempts: /);
  t.regex(refused({ url: 'http://a', secret: '' }), /^webhook\.secret: /);
  t.regex(refused({ url: 'http://a', headers: { 'x-a': 'SECRET\n'.concat('x') } }), /^webhook\.headers: must be/);
  t.regex(refused({ url: 'http://a', timeout: 5 }), /timeout/);
  for (const options of [{ url: 'ftp://SECRET' }, { url: 'http://a', headers: { 'x-a': 'SECRET\nx' } }])
    t.notRegex(refused(options), /SECRET/);
});
