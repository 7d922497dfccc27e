/** A TCP proxy on loopback that can fail as networks do. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export interface Cut {
  /** A connection that has sent such a request is watched from then on. */
  readonly request: (bytes: Buffer) => boolean;
  /** A watched connection is cut on the first answer of this kind; other answers pass. */
  readonly reply: (bytes: Buffer) => boolean;
}

interface Pair {
  readonly client: Socket;
  readonly upstream: Socket;
  silent: boolean;
}

export class Proxy {
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  #cut: Cut | undefined;
  #tamper: ((request: Buffer) => Buffer) | undefined;
  /** Answers that were lost with their connections, so that a test can tell what they held. */
  readonly lost: Buffer[] = [];

  private constructor(server: Server) {
    this.#server = server;
  }

  static async open(target: () => number): Promise<Proxy> {
    const server = createServer();
    const proxy = new Proxy(server);
    server.on('connection', (client) => proxy.#carry(client, connect(target(), '127.0.0.1')));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Once: a request still reaches the server; its answer, and both ends of its connection, are lost. */
  cutOnReply(cut: Cut): void {
    this.#cut = cut;
  }

  /** From now on requests reach the server as `change` answers them; undefined ends that. */
  tamper(change: ((request: Buffer) => Buffer) | undefined): void {
    this.#tamper = change;
  }

  /** The connections that are open now carry nothing any more, and nobody is told; new ones are as good as ever. */
  silence(): void {
    for (const pair of this.#pairs) pair.silent = true;
  }

  cutAll(): void {
    for (const { client, upstream } of this.#pairs) {
      client.destroy();
      upstream.destroy();
    }
  }

  async close(): Promise<void> {
    this.cutAll();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #carry(client: Socket, upstream: Socket): void {
    const pair: Pair = { client, upstream, silent: false };
    this.#pairs.add(pair);
    let watchedBy: Cut | undefined;
    client.setNoDelay(true);
    upstream.setNoDelay(true);
    const end = (): void => {
      this.#pairs.delete(pair);
      client.destroy();
      upstream.destroy();
    };
    client.on('data', (request) => {
      if (pair.silent) return;
      if (this.#cut?.request(request) === true) watchedBy = this.#cut;
      upstream.write(this.#tamper?.(request) ?? request);
    });
    upstream.on('data', (reply) => {
      if (pair.silent) return;
      if (watchedBy !== undefined && watchedBy === this.#cut && watchedBy.reply(reply)) {
        this.#cut = undefined;
        this.lost.push(reply);
        end();
      } else client.write(reply);
    });
    for (const socket of [client, upstream]) socket.on('error', end).on('close', end);
  }
}
