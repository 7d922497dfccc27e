import { connect, isIP } from 'node:net';
import { connect as connectTls } from 'node:tls';

import { Complaint } from './steps.js';

const ATTEMPT_MS = 2_000;
const RETRY_MS = 50;

/** Resolves when the Redis at `url` answers PING; complains, without the password, when it does not within `waitMs`. */
export async function ping(url, waitMs) {
  const target = parse(url);
  const deadline = performance.now() + waitMs;
  for (;;) {
    const answer = await ask(target).catch((error) => `no answer (${error.code ?? error.message})`);
    if (answer === '+PONG') return;
    const mayChange = answer.startsWith('-LOADING') || answer.startsWith('no answer');
    if (!mayChange || performance.now() > deadline) throw new Complaint(`The Redis at ${target.shown} said: ${answer}`);
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

function parse(text) {
  let url;
  try {
    url = new URL(text);
  } catch {
    throw new Complaint('REDIS_URL is not a URL; it looks like redis://user:password@host:6379/0.');
  }
  if (url.protocol !== 'redis:' && url.protocol !== 'rediss:') {
    throw new Complaint(`REDIS_URL starts with ${url.protocol}// but must start with redis:// or rediss://.`);
  }
  const host = url.hostname.replace(/^\[|\]$/g, '') || '127.0.0.1';
  const port = Number(url.port || 6379);
  const credentials = [url.username, url.password].filter((part) => part !== '').map(decodeURIComponent);
  return { host, port, credentials, tls: url.protocol === 'rediss:', shown: `${host}:${port}` };
}

/** Sends AUTH (when the URL has a password) and PING over a socket of its own; answers the last line that came back. */
function ask({ host, port, credentials, tls }) {
  return new Promise((resolve, reject) => {
    const commands = [...(credentials.length > 0 ? [['AUTH', ...credentials]] : []), ['PING']];
    const socket = tls
      ? connectTls({ host, port, ...(isIP(host) === 0 ? { servername: host } : {}) })
      : connect({ host, port });
    let text = '';
    const end = (settle, value) => {
      socket.destroy();
      settle(value);
    };
    socket.setTimeout(ATTEMPT_MS, () => end(reject, new Error('timed out')));
    socket.on('error', (error) => end(reject, error));
    socket.on('close', () => end(reject, new Error('connection closed')));
    socket.on(tls ? 'secureConnect' : 'connect', () => socket.write(commands.map(encode).join('')));
    socket.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
      const lines = text.split('\r\n').slice(0, -1);
      const refused = lines.find((line) => line.startsWith('-'));
      if (refused !== undefined || lines.length >= commands.length) end(resolve, refused ?? lines.at(-1));
    });
  });
}

function encode(parts) {
  return `*${parts.length}\r\n${parts.map((part) => `$${Buffer.byteLength(part)}\r\n${part}\r\n`).join('')}`;
}
