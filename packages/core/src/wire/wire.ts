/** The numbers and names that writer and reader of frames agree on; `docs/wire.md` explains them. */

/** Most envelopes in one frame. */
export const MAX_ENVELOPES = 128;
/** Most bytes of a frame with more than one envelope: close it before it grows beyond. */
export const MAX_FRAME_BYTES: number = 64 * 1024;
/** Most bytes of one encoded body: 1 MiB of payload and the little that wraps it. */
export const DEFAULT_MAX_BODY_BYTES: number = 1024 * 1024 + 1024;
/** Most bytes of the encoded extras of one envelope: id, key, headers, priority. */
export const MAX_EXTRAS_BYTES: number = 16 * 1024;
/** Most bytes of a node id, which is also the name of its inbox. */
export const MAX_ID_BYTES = 128;

export const VERSION = 1;
/** Set in an envelope's kind when its body is `undefined`. */
export const NO_BODY = 16;
/** The rest of the kind. */
export const KIND_BITS = 0x0f;

export const METHOD: RegExp = /^[A-Za-z$][A-Za-z0-9._$-]{0,127}$/;
/** Node ids become parts of key names: printable ASCII without braces. */
export const NODE_ID: RegExp = /^[!-z|~]{1,128}$/;
