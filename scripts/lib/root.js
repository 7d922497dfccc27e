import { fileURLToPath } from 'node:url';

/** The folder the repository lives in. */
export const root = fileURLToPath(new URL('../../', import.meta.url));
