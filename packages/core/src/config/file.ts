/** Settings from a file, JSON or TOML, with environment variables filled in. */
import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse as parseToml } from 'smol-toml';
import { z } from 'zod';
import { ConfigError, messageOf } from '../ground/errors.ts';
import { parseOptions } from '../ground/parse-options.ts';
import { expandEnvironment } from './environment.ts';
import { serviceSettingsSchema, type ServiceSettings } from '../policies/service-settings.ts';

export interface ConfigFile {
  /** Of every service. */
  readonly defaults?: ServiceSettings | undefined;
  readonly services?: Readonly<Record<string, ServiceSettings>> | undefined;
}

const fileSchema: z.ZodType<ConfigFile> = z.strictObject({
  defaults: serviceSettingsSchema.optional(),
  services: z.record(z.string(), serviceSettingsSchema).optional(),
});

/**
 * Reads `defaults` and `services` from a `.json` or `.toml` file.
 * @throws ConfigError naming the file, and the path inside it that is wrong.
 */
export async function readConfigFile(file: string | URL, env: NodeJS.ProcessEnv = process.env): Promise<ConfigFile> {
  const path = file instanceof URL ? fileURLToPath(file) : file;
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (thrown) {
    throw new ConfigError(`config: ${path} cannot be read: ${messageOf(thrown)}`, thrown);
  }
  try {
    return parseOptions(fileSchema, expandEnvironment(parse(path, text), env), `config ${path}`);
  } catch (thrown) {
    if (thrown instanceof ConfigError) throw thrown;
    throw new ConfigError(`config: ${path} is no valid ${extname(path).slice(1)}: ${messageOf(thrown)}`, thrown);
  }
}

function parse(path: string, text: string): unknown {
  switch (extname(path)) {
    case '.json':
      return JSON.parse(text);
    case '.toml':
      return parseToml(text);
    default:
      throw new ConfigError(`config: ${path} must end in .json or .toml`);
  }
}
