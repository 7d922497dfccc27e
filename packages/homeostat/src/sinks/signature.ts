/**
 * Signatures of webhooks, made as Stripe makes them: `t=<unix seconds>,v1=<hex>`, the HMAC-SHA-256 of `<t>.<body>`. The
 * time is signed too, so that what was overheard cannot be sent again later.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';

export const SIGNATURE_HEADER = 'x-homeostat-signature';

/** How far from now a signature may have been made, ms. */
const DEFAULT_TOLERANCE_MS = 300_000;
/** Signatures looked at; more than one while a secret is exchanged. */
const MAX_SIGNATURES = 8;

export interface VerifyWebhookOptions {
  /** How far from now it may have been signed, ms. Default 5 min. */
  readonly toleranceMs?: number | undefined;
  /** Ms since the epoch. Default: now. */
  readonly now?: number | undefined;
}

export function sign(secret: string, body: string, now: number): string {
  const seconds = Math.floor(now / 1_000);
  return `t=${seconds},v1=${hmac(secret, String(seconds), body).toString('hex')}`;
}

/**
 * For who receives webhooks: whether this body was signed with this secret, not long ago. `body` as it came, before it
 * is parsed. Takes the same time whatever is wrong with a signature.
 */
export function verifyWebhook(
  secret: string,
  header: string | undefined,
  body: string | Uint8Array,
  { toleranceMs = DEFAULT_TOLERANCE_MS, now = Date.now() }: VerifyWebhookOptions = {},
): boolean {
  const parts = (header ?? '').split(',', MAX_SIGNATURES + 1).map((part) => part.trim());
  const seconds = parts.find((part) => /^t=\d{1,12}$/.test(part))?.slice('t='.length);
  if (seconds === undefined || Math.abs(now - Number(seconds) * 1_000) > toleranceMs) return false;
  const expected = hmac(secret, seconds, body);
  const given = parts.flatMap((part) => /^v1=([0-9a-f]{64})$/.exec(part)?.[1] ?? []);
  return given.filter((hex) => timingSafeEqual(Buffer.from(hex, 'hex'), expected)).length > 0;
}

function hmac(secret: string, seconds: string, body: string | Uint8Array): Buffer {
  return createHmac('sha256', secret).update(`${seconds}.`).update(body).digest();
}
