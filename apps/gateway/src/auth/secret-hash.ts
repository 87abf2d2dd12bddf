import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

const derive = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt);

/**
 * What hashing a secret costs: half a MiB, and a millisecond or two. It need not slow down guessing, as 192 random bits
 * are not guessed; but a game that opens has hundreds of new guests a second, and at 4 MiB most of them got a 503.
 * Each hash says what it was made with, so that these can be raised.
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

/** Whether a secret is the one of a hash. Without a hash it is none, which takes as long to say. */
export async function isSecretOf(hash: string | undefined, secret: string): Promise<boolean> {
  const [, N = COST.N, r = COST.r, p = COST.p, salt = '', expected = ''] = hash?.split('$') ?? [];
  const cost = { N: Number(N), r: Number(r), p: Number(p) };
  const memory = 256 * cost.N * cost.r;
  const derived = await derive(secret, Buffer.from(salt, 'base64url'), BYTES, { ...cost, maxmem: memory });
  const known = Buffer.from(expected, 'base64url');
  return known.length === BYTES && timingSafeEqual(known, derived);
}
