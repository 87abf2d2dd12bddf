import { hkdfSync, randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Topology } from '#libs/event-log';
import { guestKeyKey, guestSecretKey } from '#libs/players';
import type { RedisClient } from '#libs/redis';
import { badField } from '../http/problem.js';
import { idempotencyKey } from '../http/writes/write-headers.js';
import { type Guest, guestOf } from './credentials.js';

/** How long a repeated key gets the same answer. */
const LIFETIME_MS = 24 * 60 * 60 * 1_000;
/** The key opens the session of the guest, so it must be as hard to guess as a token: 22 characters of base64 are 128 bits. */
const MIN_CHARACTERS = 22;

/** The prefix of the stored nonce once the guest is created completely. */
const DONE = 'done ';

/** @throws Problem 400 for a key that could be guessed */
export function guestKey(headers: IncomingHttpHeaders): string | undefined {
  const key = idempotencyKey(headers);
  if (key === undefined || key.length >= MIN_CHARACTERS) return key;
  // The value is not shown: it is a secret.
  throw badField(
    'Idempotency-Key',
    `Idempotency-Key must have at least ${MIN_CHARACTERS} random characters here, because it opens the session; it has ${key.length}`,
  );
}

/**
 * Guests who are created with an `Idempotency-Key`. Everything about such a guest is derived from the key, a secret of this
 * installation, and a nonce, so neither the key nor the token nor the secret is stored.
 */
export class GuestKeys {
  constructor(
    private readonly redis: RedisClient,
    private readonly topology: Topology,
  ) {}

  /**
   * The current guest of the key. Unless `isDone`, the guest must still be created, at least in part.
   *
   * @param onNew called before a new key is recorded; may throw to refuse it
   */
  async find(key: string, onNew: () => Promise<void>): Promise<DerivedGuest> {
    const secret = await this.installationSecret();
    const record = guestKeyKey(this.topology.prefix, derive(secret, key, 'record', 32).toString('base64url'));
    const known = await this.redis.get(record);
    if (known !== null) return new DerivedGuest(secret, key, record, known);
    await onNew();
    const nonce = randomBytes(16).toString('base64url');
    const first = await this.redis.set(record, nonce, 'PX', LIFETIME_MS, 'NX', 'GET');
    return new DerivedGuest(secret, key, record, first ?? nonce);
  }

  /** Marks the guest as created. */
  async finish({ record, nonce }: DerivedGuest): Promise<void> {
    await this.redis.set(record, DONE + nonce, 'KEEPTTL', 'XX');
  }

  /**
   * The next guest of a key after the session of the previous one was ended, because a key never reopens an ended session.
   * Concurrent repeats derive the same guest.
   */
  async next({ secret, key, record, nonce }: DerivedGuest): Promise<DerivedGuest> {
    const following = derive(secret, key, `next ${nonce}`, 16).toString('base64url');
    await this.redis.set(record, following, 'PX', LIFETIME_MS);
    return new DerivedGuest(secret, key, record, following);
  }

  /** The first gateway that needs it creates it. It is read each time, so that all gateways use the one in Redis. */
  private async installationSecret(): Promise<string> {
    const created = randomBytes(32).toString('base64url');
    return (await this.redis.set(guestSecretKey(this.topology.prefix), created, 'NX', 'GET')) ?? created;
  }
}

export class DerivedGuest {
  readonly nonce: string;
  /** Whether the guest was created completely before. */
  readonly isDone: boolean;
  readonly guest: Guest;
  readonly token: string;

  constructor(
    readonly secret: string,
    readonly key: string,
    readonly record: string,
    known: string,
  ) {
    this.isDone = known.startsWith(DONE);
    this.nonce = this.isDone ? known.slice(DONE.length) : known;
    const bytes = derive(secret, key, `guest ${this.nonce}`, 76);
    this.guest = guestOf(bytes.subarray(0, 20), bytes.subarray(20, 44));
    this.token = bytes.subarray(44).toString('base64url');
  }
}

/** The secret is the salt of HKDF, so the key alone is not enough to derive anything. */
const derive = (secret: string, key: string, purpose: string, bytes: number): Buffer =>
  Buffer.from(hkdfSync('sha256', key, secret, `questlog ${purpose}`, bytes));
