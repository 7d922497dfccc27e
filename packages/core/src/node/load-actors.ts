/** Actors from files: one module, or every `*.actor.js` of a directory. What cannot be loaded is told, not thrown. */
import { readdir, stat } from 'node:fs/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { isActor, type Actor } from '../contract/actor.ts';
import { ConfigError, messageOf } from '../ground/errors.ts';

/** The runtime says by `process.features.typescript` whether it can load these. */
const COMPILED = /\.actor\.m?js$/;
const ANY = /\.actor\.m?[jt]s$/;

export interface LoadedActor {
  /** Name in the directory: `users.actor.js`. */
  readonly file: string;
  /** For `node.serve(url, { pool: 'threads' })`. */
  readonly url: URL;
  readonly actor: Actor;
}

export interface BrokenActor {
  readonly file: string;
  readonly error: ConfigError;
}

export interface LoadedActors {
  readonly actors: readonly LoadedActor[];
  readonly broken: readonly BrokenActor[];
}

/** A file as it was found; changed since when `stamp` is another. */
export interface ActorFile {
  readonly file: string;
  readonly url: URL;
  readonly stamp: string;
}

/**
 * Loads every `*.actor.js` and `*.actor.mjs` of a directory (and `*.actor.ts`, where Node itself can), in order of their
 * names: modules whose default export is what `actor()` returns. Directories in it are left alone. Nothing is served yet:
 * `for (const { actor } of actors) await node.serve(actor)`; `serveDirectory` does that.
 * @param directory a path, taken from the working directory when it is relative, or a URL.
 * @throws ConfigError when the directory cannot be read. A file that cannot be loaded is listed in `broken`.
 */
export async function loadActors(directory: string | URL): Promise<LoadedActors> {
  const actors: LoadedActor[] = [];
  const broken: BrokenActor[] = [];
  for (const { file, url } of await actorFiles(directory)) {
    try {
      actors.push({ file, url, actor: await loadActor(url) });
    } catch (thrown) {
      broken.push({ file, error: thrown as ConfigError });
    }
  }
  return { actors, broken };
}

/** @throws ConfigError when the directory cannot be read. */
export async function actorFiles(directory: string | URL): Promise<readonly ActorFile[]> {
  const path = directory instanceof URL ? fileURLToPath(directory) : directory;
  const folder = pathToFileURL(`${path}/`);
  const pattern = (process.features as { readonly typescript?: unknown }).typescript ? ANY : COMPILED;
  let entries;
  try {
    entries = await readdir(path, { withFileTypes: true });
  } catch (thrown) {
    throw new ConfigError(`${path} cannot be read: ${messageOf(thrown)}`, thrown);
  }
  const names = entries.filter((entry) => !entry.isDirectory() && pattern.test(entry.name)).map(({ name }) => name);
  const found = await Promise.all(
    names.sort().map(async (file): Promise<ActorFile | undefined> => {
      const url = new URL(encodeURIComponent(file), folder);
      // It may be gone again by now.
      const facts = await stat(url).catch(() => undefined);
      return facts && { file, url, stamp: `${facts.mtimeMs}-${facts.size}` };
    }),
  );
  return found.filter((file) => file !== undefined);
}

/** @throws ConfigError when the module cannot be loaded, or its default export is no actor. */
export async function loadActor(module: URL): Promise<Actor> {
  let exported: { default?: unknown };
  try {
    exported = (await import(module.href)) as { default?: unknown };
  } catch (thrown) {
    throw new ConfigError(`serve: ${module.href} cannot be loaded: ${messageOf(thrown)}`, thrown);
  }
  if (!isActor(exported.default))
    throw new ConfigError(`serve: the default export of ${module.href} must be what actor(contract, handlers) returns`);
  return exported.default;
}
