/** Every command that a Redis carries out, as MONITOR shows it; read by hand, for a busy server's lines may outrun a client's mode. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

export interface Seen {
  /** Called by a script, not sent by a client. */
  readonly inScript: boolean;
  /** In lower case. */
  readonly verb: string;
  /** The whole command, each word in quotes. */
  readonly text: string;
}

/** `+1795251396.067413 [0 127.0.0.1:44878] "xread" "COUNT" …`; `lua` in place of the address: a script. */
const LINE = /^\+[\d.]+ \[\d+ ([^\]]+)\] ("([^"]*)".*)$/;

export class Monitor {
  readonly seen: Seen[] = [];
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
    createInterface(socket).on('line', (line) => {
      const [, source, text = '', verb = ''] = LINE.exec(line) ?? [];
      if (source !== undefined) this.seen.push({ inScript: source === 'lua', verb: verb.toLowerCase(), text });
    });
  }

  static async open(port: number): Promise<Monitor> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    const monitor = new Monitor(socket);
    socket.write('MONITOR\r\n');
    return monitor;
  }

  close(): void {
    this.#socket.destroy();
  }
}
