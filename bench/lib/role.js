import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { end, ended, track } from './processes.js';

const childFile = fileURLToPath(new URL('./child.js', import.meta.url));
/** How long one request to a subject may take before the subject counts as hung, in milliseconds. */
const REQUEST_MS = 60_000;

/** One process of a subject, as its parent sees it. */
export class Role {
  #child;
  /** @type {Map<number, { resolve: (value: any) => void, reject: (error: Error) => void }>} */
  #waiting = new Map();
  #lastId = 0;
  #stderr = '';
  /** @type {Error | undefined} */
  #failure;

  /**
   * @param {string} execPath the node to run it with
   * @param {string} subject
   * @param {'service' | 'caller' | 'idle'} role
   * @param {import('./subject.js').Env} env
   * @param {number} [actors]
   */
  constructor(execPath, subject, role, env, actors = 0) {
    const what = `${subject} ${role}`;
    this.#child = track(
      fork(childFile, [subject, role, JSON.stringify(env), String(actors)], {
        execPath,
        execArgv: [],
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      }),
    );
    this.#child.stderr?.on(
      'data',
      (/** @type {Buffer} */ data) => (this.#stderr = (this.#stderr + data).slice(-2_000)),
    );
    this.#child.on('message', (/** @type {{ id: number, value?: unknown, error?: string }} */ { id, value, error }) => {
      if (id === -1) return this.#failAll(new Error(`${what}: ${error}`));
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting?.resolve(value);
      else waiting?.reject(new Error(`${what}: ${error}`));
    });
    this.#child.on('error', (error) => this.#failAll(error));
    this.#child.on('exit', (code, signal) =>
      this.#failAll(new Error(`${what} ended (${signal ?? code}) ${this.#stderr}`.trim())),
    );
    /** Resolves when the role is connected and ready. */
    this.ready = this.#answer(0);
  }

  /**
   * @param {string} request
   * @param {unknown} [argument]
   * @returns {Promise<any>}
   */
  ask(request, argument) {
    if (this.#failure) return Promise.reject(this.#failure);
    const id = ++this.#lastId;
    const answer = this.#answer(id);
    this.#child.send({ id, request, argument });
    return answer;
  }

  /** Asks it to close by itself, and ends it when it does not. */
  async close() {
    if (this.#child.connected) {
      this.#child.send({ id: ++this.#lastId, request: 'close', argument: undefined });
      const timer = setTimeout(() => this.#child.kill('SIGKILL'), 5_000);
      await ended(this.#child);
      clearTimeout(timer);
    } else await end(this.#child);
  }

  kill() {
    this.#child.kill('SIGKILL');
    return ended(this.#child);
  }

  /** @param {number} id */
  #answer(id) {
    const answer = new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no answer within ${REQUEST_MS} ms`)), REQUEST_MS);
      const settle = (/** @type {(value: any) => void} */ how) => (/** @type {any} */ value) => {
        clearTimeout(timer);
        how(value);
      };
      this.#waiting.set(id, { resolve: settle(resolve), reject: settle(reject) });
    });
    // a process may fail while nobody waits for this answer; whoever asks later is told
    answer.catch(() => {});
    return answer;
  }

  /** @param {Error} error */
  #failAll(error) {
    this.#failure ??= error;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
