/** From entries of the news stream to news. What cannot be read is counted, never thrown: input from Redis is hostile. */
import type { NewsItem } from './core.ts';

export interface ReadNews {
  readonly items: NewsItem[];
  /** Ids of entries that are no news of ours. */
  readonly invalid: string[];
}

type RawEntry = readonly [id: Buffer, fields: readonly Buffer[]];

export function readNews(entries: readonly RawEntry[]): ReadNews {
  const read: ReadNews = { items: [], invalid: [] };
  for (const [id, fields] of entries) {
    const item = toItem(fields);
    if (item === undefined) read.invalid.push(id.toString('latin1'));
    else read.items.push(item);
  }
  return read;
}

function toItem(raw: readonly Buffer[]): NewsItem | undefined {
  const fields = new Map<string, string>();
  for (let i = 0; i + 1 < raw.length; i += 2) fields.set(String(raw[i]), String(raw[i + 1]));
  const kind = fields.get('k');
  const id = fields.get('i');
  const seq = Number(fields.get('q') ?? '');
  if (kind === undefined || kind === '' || id === undefined || !Number.isSafeInteger(seq) || seq < 1) return undefined;
  const body = fields.get('b') ?? '';
  try {
    return { seq, kind, id, body: body === '' ? undefined : (JSON.parse(body) as unknown) };
  } catch {
    return undefined;
  }
}
