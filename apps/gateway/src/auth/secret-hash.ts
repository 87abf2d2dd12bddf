import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

const derive = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt);

/**
 * Hashing a secret takes half a MiB and one or two milliseconds. Nobody can guess 192 random bits, so it need not be slow. But
 * a new game has hundreds of new guests a second, and with 4 MiB most of them got a 503. Each hash records its cost, so the
 * cost can be raised later.
 */
const COST = { N: 512, r: 8, p: 1 };
const BYTES = 32;

/** @returns `scrypt$N$r$p$salt$hash` */
export async function hashSecret(secret: string): Promise<string> {
  const { N, r, p } = COST;
  const salt = randomBytes(16);
  const hash = await derive(secret, salt, BYTES, COST);
  return ['scrypt', N, r, p, salt.toString('base64url'), hash.toString('base64url')].join('$');
}

/** Whether the hash was made from the secret. Without a hash it returns false after the same time. */
export async function isSecretOf(hash: string | undefined, secret: string): Promise<boolean> {
  const [, N = COST.N, r = COST.r, p = COST.p, salt = '', expected = ''] = hash?.split('$') ?? [];
  const cost = { N: Number(N), r: Number(r), p: Number(p) };
  const memory = 256 * cost.N * cost.r;
  const derived = await derive(secret, Buffer.from(salt, 'base64url'), BYTES, { ...cost, maxmem: memory });
  const known = Buffer.from(expected, 'base64url');
  return known.length === BYTES && timingSafeEqual(known, derived);
}
