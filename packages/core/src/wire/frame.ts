/** A frame: 1 to 128 envelopes for one mailbox or inbox, in one piece. `docs/wire.md` specifies the bytes. */
export { readBody } from './body-reader.ts';
export { encodeBody } from './body.ts';
export { readFrame, type Frame } from './frame-reader.ts';
export { openBody } from './open-body.ts';
export { FrameWriter } from './frame-writer.ts';
export { DEFAULT_MAX_BODY_BYTES, MAX_ENVELOPES, MAX_EXTRAS_BYTES, MAX_FRAME_BYTES } from './wire.ts';
