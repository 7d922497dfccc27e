import { ConfigError } from '../ground/errors.ts';

const REFERENCE = /\$\{([A-Za-z_][A-Za-z0-9_]*)(?::([^}]*))?\}/g;

/**
 * Puts environment variables where `${NAME}` or `${NAME:default}` stand, in every string of a value. A string that is
 * nothing but one reference becomes a number or a boolean where it reads as one, so that settings can be of any kind.
 * @throws ConfigError naming the variable that is neither set nor has a default, and where it stands.
 */
export function expandEnvironment(value: unknown, env: NodeJS.ProcessEnv, path = ''): unknown {
  if (typeof value === 'string') return expandText(value, env, path);
  if (Array.isArray(value)) return value.map((item, index) => expandEnvironment(item, env, `${path}.${index}`));
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [
      name,
      expandEnvironment(item, env, path === '' ? name : `${path}.${name}`),
    ]),
  );
}

function expandText(text: string, env: NodeJS.ProcessEnv, path: string): unknown {
  const expanded = text.replaceAll(REFERENCE, (_, name: string, fallback: string | undefined) => {
    const found = env[name] ?? fallback;
    if (found === undefined)
      throw new ConfigError(`${path}: the environment variable ${name} is not set, and there is no default for it`);
    return found;
  });
  const whole = text.match(/^\$\{[^}]*\}$/) !== null;
  return whole ? plain(expanded) : expanded;
}

function plain(text: string): unknown {
  if (text === 'true') return true;
  if (text === 'false') return false;
  return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
}
