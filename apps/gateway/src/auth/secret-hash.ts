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
export const hashSecret = (secret: string): Promise<string> =>
  hashLike(['scrypt', COST.N, COST.r, COST.p, randomBytes(16).toString('base64url')].join('$'), secret);

/**
 * The hash of another secret of a player. All secrets of a player have one salt, so that a log-in computes one hash, however many
 * there are.
 *
 * @param start `scrypt$N$r$p$salt`
 */
export async function hashLike(start: string, secret: string): Promise<string> {
  return `${start}$${(await hashWith(start, secret)).toString('base64url')}`;
}

/** The common beginning of a player's hashed secrets: cost and salt. @param kept hashed secrets, separated by spaces */
export const startOf = (kept: string): string =>
  kept.split(' ', 1)[0]?.split('$').slice(0, 5).join('$') ?? '';

/**
 * The hashed secret that matches the secret.
 *
 * @param kept hashed secrets, separated by spaces. If it is undefined, the function returns undefined after the same time.
 */
export async function hashMatching(kept: string | undefined, secret: string): Promise<string | undefined> {
  const derived = await hashWith(startOf(kept ?? ''), secret);
  let matching: string | undefined;
  for (const hash of kept?.split(' ') ?? []) {
    const known = Buffer.from(hash.split('$')[5] ?? '', 'base64url');
    if (known.length === BYTES && timingSafeEqual(known, derived)) matching = hash;
  }
  return matching;
}

function hashWith(start: string, secret: string): Promise<Buffer> {
  const [, N = COST.N, r = COST.r, p = COST.p, salt = ''] = start.split('$');
  const cost = { N: Number(N), r: Number(r), p: Number(p) };
  const maxmem = 256 * cost.N * cost.r;
  return derive(secret, Buffer.from(salt, 'base64url'), BYTES, { ...cost, maxmem });
}
