/** What every process saw, as JSON lines in a file of its own. Written synchronously: a killed process keeps its past. */
import { closeSync, existsSync, openSync, readFileSync, readdirSync, writeSync } from 'node:fs';
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
  /** The backend carried an ending out (`settled`) or refused it. */
  | {
      readonly type: 'settle';
      readonly entry: string;
      readonly kind: string;
      readonly result: string;
      readonly ends: boolean;
      readonly at: number;
    }
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

/** Everything that happened so far, process by process. A line that a killed process had not finished is left out. */
export function readHistory(folder: string): Happening[] {
  if (!existsSync(folder)) return [];
  const happenings: Happening[] = [];
  for (const file of readdirSync(folder)) {
    for (const line of readFileSync(join(folder, file), 'utf8').split('\n')) {
      if (!line.endsWith('}')) continue;
      happenings.push(JSON.parse(line) as Happening);
    }
  }
  return happenings;
}
