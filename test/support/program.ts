/** A process under test. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { endsWithUs } from './keeper.ts';

export class Program {
  readonly name: string;
  readonly child: ChildProcess;
  /** How it ended: `code 0`, or the name of the signal. */
  readonly ended: Promise<string>;
  /** How it is to end; undefined as long as it is to live. */
  expected: string | undefined;
  #alive = true;

  private constructor(name: string, child: ChildProcess) {
    this.name = name;
    this.child = child;
    this.ended = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        this.#alive = false;
        resolve(signal ?? `code ${code}`);
      });
    });
  }

  /** Resolves once the program says that it is ready. */
  static async start(file: string, name: string, env: Readonly<Record<string, string>>): Promise<Program> {
    const child = fork(file, { env: { ...process.env, ...env, NAME: name } });
    endsWithUs(child);
    const program = new Program(name, child);
    const said = await Promise.race([once(child, 'message').then(([message]) => String(message)), program.ended]);
    if (said !== 'ready') throw new Error(`${name} did not start: ${said}`);
    return program;
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** Whether this node id is one of its. */
  owns(node: string): boolean {
    return node.startsWith(`${this.name}-`);
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Waits for its end, which `how` says beforehand. */
  end(how: string, by: () => void): Promise<string> {
    this.expected = how;
    if (this.#alive) by();
    return this.ended;
  }
}
