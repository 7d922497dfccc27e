/** A TCP proxy before a Redis that can be told to lose things. */
import { connect, createServer, type Socket } from 'node:net';

export type ProxyMode = 'pass' | 'blackhole';

interface Pair {
  readonly inner: Socket;
  readonly outer: Socket;
  /** The next reply on this connection is cut. */
  doomed: boolean;
}

export class Proxy {
  readonly #target: number;
  readonly #server = createServer({ noDelay: true }, (inner) => this.#accept(inner));
  readonly #pairs = new Set<Pair>();
  #mode: ProxyMode = 'pass';
  #pattern: Buffer | undefined;
  #onCut: (() => void) | undefined;
  port = 0;

  constructor(target: number) {
    this.#target = target;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  get connections(): number {
    return this.#pairs.size;
  }

  listen(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.listen(0, '127.0.0.1', () => {
        const address = this.#server.address();
        this.port = typeof address === 'object' && address !== null ? address.port : 0;
        resolve();
      });
    });
  }

  /** `blackhole`: connections stay open and nothing passes, new ones included. */
  mode(mode: ProxyMode): void {
    this.#mode = mode;
  }

  /** The first command that contains `text` reaches Redis; its connection is destroyed when the answer comes. Resolves then. */
  cutReplyTo(text: string): Promise<void> {
    this.#pattern = Buffer.from(text);
    return new Promise((resolve) => {
      this.#onCut = resolve;
    });
  }

  /** Destroys all connections. */
  cut(): void {
    for (const { inner, outer } of this.#pairs) {
      inner.destroy();
      outer.destroy();
    }
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(inner: Socket): void {
    const outer = connect({ port: this.#target, host: '127.0.0.1', noDelay: true });
    const pair: Pair = { inner, outer, doomed: false };
    this.#pairs.add(pair);
    const end = (): void => {
      this.#pairs.delete(pair);
      inner.destroy();
      outer.destroy();
    };
    for (const socket of [inner, outer]) {
      socket.on('error', end);
      socket.on('close', end);
    }
    inner.on('data', (data) => {
      if (this.#mode === 'blackhole') return;
      if (this.#pattern !== undefined && data.includes(this.#pattern)) {
        this.#pattern = undefined;
        pair.doomed = true;
      }
      outer.write(data);
    });
    outer.on('data', (data) => {
      if (this.#mode === 'blackhole') return;
      if (pair.doomed) {
        end();
        this.#onCut?.();
        return;
      }
      inner.write(data);
    });
  }
}
