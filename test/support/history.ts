/** What every process saw, as JSON lines in a file of its own. Written synchronously: a killed process keeps its past. */
import { closeSync, existsSync, openSync, readSync, readdirSync, writeSync } from 'node:fs';
import { join } from 'node:path';

export type Happening =
  /** A request is about to be sent. */
  | { readonly type: 'attempt'; readonly id: string; readonly at: number; readonly call: boolean }
  /** It was accepted (cast) or answered (call). */
  | { readonly type: 'ok'; readonly id: string; readonly at: number }
  | {
      readonly type: 'refused';
      readonly id: string;
      readonly at: number;
      readonly outcome: string;
      readonly code: string;
    }
  | {
      readonly type: 'start';
      readonly id: string;
      readonly at: number;
      readonly messageId: string;
      readonly attempt: number;
      readonly node: string;
    }
  | {
      readonly type: 'end';
      readonly id: string;
      readonly at: number;
      readonly messageId: string;
      readonly node: string;
    }
  /** An entry came into this node's hands. `whole`: as it was appended, no copy for a redelivery. */
  | {
      readonly type: 'claim';
      readonly entry: string;
      readonly frame: string;
      readonly count: number;
      readonly whole: boolean;
      readonly node: string;
      readonly at: number;
    }
  /** The backend carried an ending out (`settled`) or refused it. `ends`: nothing of the entry stays. */
  | {
      readonly type: 'settle';
      readonly entry: string;
      readonly kind: string;
      readonly result: string;
      readonly ends: boolean;
      readonly node: string;
      readonly at: number;
    }
  /** This node has learnt that it is no member any more. */
  | { readonly type: 'evicted'; readonly node: string; readonly at: number }
  | { readonly type: 'trouble'; readonly what: string; readonly at: number };

export class HistoryWriter {
  readonly #fd: number;

  constructor(folder: string, process: string) {
    this.#fd = openSync(join(folder, `${process}.jsonl`), 'a');
  }

  add(happening: Happening): void {
    writeSync(this.#fd, `${JSON.stringify(happening)}\n`);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

const CHUNK_BYTES = 256 * 1024;

interface Followed {
  readonly fd: number;
  rest: string;
}

/** Follows every file of a folder. A line that a killed process had not finished is left out. */
export class HistoryReader {
  readonly #folder: string;
  readonly #files = new Map<string, Followed>();
  readonly #happenings: Happening[] = [];
  readonly #chunk = Buffer.alloc(CHUNK_BYTES);

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Everything that happened so far, process by process. The same array each time, longer. */
  read(): readonly Happening[] {
    if (!existsSync(this.#folder)) return this.#happenings;
    for (const name of readdirSync(this.#folder)) {
      let file = this.#files.get(name);
      if (file === undefined) {
        file = { fd: openSync(join(this.#folder, name), 'r'), rest: '' };
        this.#files.set(name, file);
      }
      this.#follow(file);
    }
    return this.#happenings;
  }

  close(): void {
    for (const { fd } of this.#files.values()) closeSync(fd);
    this.#files.clear();
  }

  #follow(file: Followed): void {
    for (;;) {
      const size = readSync(file.fd, this.#chunk, 0, CHUNK_BYTES, null);
      if (size === 0) return;
      // Ids and codes are ASCII; a character cut in two could only be in the text of a trouble.
      const lines = (file.rest + this.#chunk.toString('utf8', 0, size)).split('\n');
      file.rest = lines.pop() ?? '';
      for (const line of lines) this.#happenings.push(JSON.parse(line) as Happening);
    }
  }
}
