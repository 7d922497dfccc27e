import { styleText } from 'node:util';

const out = process.stdout;
const styled = out.isTTY && process.env['NO_COLOR'] === undefined;

const style =
  (format: Parameters<typeof styleText>[0]) =>
  (text: string): string =>
    styled ? styleText(format, text) : text;
export const bold = style('bold');
export const dim = style('dim');
export const green = style('green');
export const red = style('red');

/** 12345 → 12,345 */
export const number = (value: number): string => value.toLocaleString('en-US');
/** 1 change, 2 changes */
export const counted = (value: number, thing: string): string => `${number(value)} ${thing}${value === 1 ? '' : 's'}`;
/** Milliseconds with three digits that matter. */
export const ms = (value: number): string => `${number(Number(value.toPrecision(3)))} ms`;

/** Writes lines; the last one may be a line of progress, which on a terminal is redrawn in place. */
export class Screen {
  #shown = '';

  line(text = ''): void {
    this.#clear();
    out.write(`${text}\n`);
    if (this.#shown !== '') out.write(this.#shown);
  }

  /** On a terminal: replaces the line of progress. Elsewhere: one more line. */
  progress(text: string): void {
    if (!out.isTTY) return this.line(text);
    this.#clear();
    this.#shown = text;
    out.write(text);
  }

  /** The line of progress stays as it is. */
  keep(): void {
    if (this.#shown !== '') out.write('\n');
    this.#shown = '';
  }

  #clear(): void {
    if (this.#shown !== '') out.write('\r\u001B[K');
  }
}

/** Often enough to look alive on a terminal, seldom enough for a log. */
export const PROGRESS_EVERY_MS: number = out.isTTY ? 100 : 1_000;
