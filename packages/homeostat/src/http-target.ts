/** Where a request goes, and in words that hold no secret what became of it. */

export interface HttpTarget {
  readonly target: URL;
  /** Headers made of user and password of the URL. */
  readonly authorization: Readonly<Record<string, string>>;
}

/** Takes user and password out of the URL: `fetch` refuses one that has them, in words that hold them. */
export function targetOf(url: string | URL): HttpTarget {
  const target = new URL(url);
  const authorization = basic(target);
  target.username = target.password = '';
  return { target, authorization };
}

/** `fetch` hides what happened in the cause. */
export function describe(thrown: unknown): string {
  const { message, cause } = thrown as { message?: unknown; cause?: { code?: unknown } };
  if (typeof cause?.code === 'string') return cause.code;
  return typeof message === 'string' ? message : String(thrown);
}

function basic({ username, password }: URL): Readonly<Record<string, string>> {
  if (username === '' && password === '') return {};
  const words = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { authorization: `Basic ${Buffer.from(words).toString('base64')}` };
}
