import { randomBytes } from 'node:crypto';
import type { Topology } from '#libs/event-log';
import { failedCodesKey, transferCodeKey, transferCodesKey } from '#libs/players';
import type { RedisClient } from '#libs/redis';
import { siteOf } from '../limits/address.js';
import { script } from '../lua.js';
import { FAILURE_WINDOW_MS, tooManyLogins } from './login-limit.js';
import { hashOf } from './token-hash.js';

const LIFETIME_MS = 10 * 60 * 1_000;
/** Maximum valid codes of one player. One more revokes the oldest. */
const MAX_CODES = 5;

/** 32 symbols without 0, 1, I, and O, which look alike. */
const SYMBOLS = '23456789ABCDEFGHJKLMNPQRSTUVWXYZ';
const LENGTH = 12;

const FAILURES_PER_ADDRESS = 5;

const limitFailures = script<number>('limit-failures');

export interface Transfer {
  readonly player: string;
  /** The generation of the player's secrets when the code was created. */
  readonly generation: string;
}

/** Short codes that log a player in on another device. Redis stores only their hashes. */
export class TransferCodes {
  constructor(
    private readonly redis: RedisClient,
    private readonly topology: Topology,
  ) {}

  async create({ player, generation }: Transfer): Promise<{ code: string; expiresAt: Date }> {
    const symbols = Array.from(randomBytes(LENGTH), byte => SYMBOLS[byte % SYMBOLS.length]).join('');
    const hash = hashOf(symbols);
    const list = transferCodesKey(this.topology.prefix, player);
    // The list comes first: after a crash in between, every valid code is still in the list.
    const [, , surplus] = await Promise.all([
      this.redis.rpush(list, hash),
      this.redis.pexpire(list, LIFETIME_MS),
      this.redis.lrange(list, 0, -1 - MAX_CODES),
      this.redis.ltrim(list, -MAX_CODES, -1),
    ]);
    const expiresAt = new Date(Date.now() + LIFETIME_MS);
    await this.redis.set(this.keyOf(hash), `${player} ${generation}`, 'PX', LIFETIME_MS);
    await Promise.all(surplus.map(oldest => this.redis.unlink(this.keyOf(oldest))));
    return { code: symbols.replace(/(.{4})(?=.)/g, '$1-'), expiresAt };
  }

  /** Uses a code, which is then no longer valid. It does the same work for every text. @returns undefined for a wrong, used, or expired code */
  async redeem(code: string): Promise<Transfer | undefined> {
    const kept = await this.redis.getdel(this.keyOf(hashOf(plain(code))));
    const [player, generation] = kept?.split(' ') ?? [];
    return player === undefined || generation === undefined ? undefined : { player, generation };
  }

  /** Revokes a code. */
  async cancel(code: string): Promise<void> {
    await this.redis.unlink(this.keyOf(hashOf(plain(code))));
  }

  /**
   * Counts an attempt before the code is checked, so that concurrent attempts are limited, too.
   *
   * @throws Problem 429 after too many wrong codes, even if this code is right
   */
  async countAttempt(address: string): Promise<void> {
    const left = await this.count(address, 1);
    if (left === 0) return;
    throw tooManyLogins('too many wrong codes came from this address; wait, then try again', left);
  }

  /** The code was right, so the attempt does not count. */
  async takeBackAttempt(address: string): Promise<void> {
    await this.count(address, -1);
  }

  private count(address: string, change: 1 | -1): Promise<number> {
    const key = failedCodesKey(this.topology.prefix, siteOf(address));
    return limitFailures.run(this.redis, [key], [FAILURES_PER_ADDRESS, FAILURE_WINDOW_MS, change]);
  }

  private keyOf(hash: string): string {
    return transferCodeKey(this.topology.prefix, hash);
  }
}

/** Case and dashes do not matter. */
const plain = (code: string) => code.replaceAll('-', '').toUpperCase();
