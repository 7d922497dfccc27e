/** A TCP proxy on loopback that can fail as networks do. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export class Proxy {
  readonly #server: Server;
  readonly #pairs = new Set<{ client: Socket; upstream: Socket }>();
  #blackhole = false;
  #cutWhen: ((sent: Buffer) => boolean) | undefined;
  /** Connections cut so far. */
  cuts = 0;

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

  /**
   * The next request for which `matches` answers true still reaches the server; its answer, and both ends of its
   * connection, are lost.
   */
  cutOnReply(matches: (request: Buffer) => boolean): void {
    this.#cutWhen = matches;
  }

  /** Nothing passes, nothing closes. */
  blackhole(on: boolean): void {
    this.#blackhole = on;
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
    const pair = { client, upstream };
    this.#pairs.add(pair);
    let doomed = false;
    client.setNoDelay(true);
    upstream.setNoDelay(true);
    const end = (): void => {
      this.#pairs.delete(pair);
      client.destroy();
      upstream.destroy();
    };
    client.on('data', (request) => {
      if (this.#blackhole) return;
      if (this.#cutWhen?.(request) === true) {
        this.#cutWhen = undefined;
        doomed = true;
      }
      upstream.write(request);
    });
    upstream.on('data', (reply) => {
      if (this.#blackhole) return;
      if (doomed) {
        this.cuts += 1;
        end();
      } else client.write(reply);
    });
    for (const socket of [client, upstream]) socket.on('error', end).on('close', end);
  }
}
