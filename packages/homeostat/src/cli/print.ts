/** What people read: aligned columns, and nothing that a terminal would obey, wherever it came from. */
type Cell = string | number | undefined;

const CONTROL = /\p{Cc}/gu;
const GAP = '  ';

/** Control characters are shown as `?`; lines stay. */
export function printable(text: string): string {
  return text.replaceAll(CONTROL, (character) => (character === '\n' ? '\n' : '?'));
}

/** A line for each row under the heads. Columns of numbers end flush; what is not known is `-`. */
export function table(heads: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const columns = heads.map((head, at) => {
    const cells = rows.map((row) => row[at]);
    const texts = cells.map(textOf);
    return {
      head,
      texts,
      width: Math.max(head.length, ...texts.map(({ length }) => length)),
      flush: cells.some((cell) => typeof cell === 'number') && cells.every((cell) => typeof cell !== 'string'),
    };
  });
  const line = (row: number): string =>
    columns
      .map(({ head, texts, width, flush }) => {
        const text = row < 0 ? head : (texts[row] ?? '');
        return flush ? text.padStart(width) : text.padEnd(width);
      })
      .join(GAP)
      .trimEnd();
  return [line(-1), ...rows.map((_, row) => line(row))].join('\n');
}

/** One line of what there is to say, where lines come one by one. */
export function line(cells: readonly Cell[]): string {
  return cells.map(textOf).join(GAP);
}

/** A name and what is said of it, line by line. */
export function facts(said: Readonly<Record<string, Cell>>): string {
  const width = Math.max(...Object.keys(said).map(({ length }) => length));
  return Object.entries(said)
    .map(([name, cell]) => `${name.padEnd(width)}${GAP}${textOf(cell)}`)
    .join('\n');
}

function textOf(cell: Cell): string {
  if (cell === undefined || cell === '') return '-';
  return typeof cell === 'number' ? String(Math.round(cell * 100) / 100) : cell.replaceAll(CONTROL, ' ');
}
