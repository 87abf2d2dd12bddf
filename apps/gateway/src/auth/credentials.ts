import { randomBytes } from 'node:crypto';
import type { Topology } from '#libs/event-log';
import { credentialsKey } from '#libs/players';
import { type RedisClient } from '#libs/redis';
import { script } from '../lua.js';
import { hashSecret, isSecretOf } from './secret-hash.js';

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';

const keepLogin = script<number>('keep-login');

export interface Guest {
  readonly player: string;
  readonly secret: string;
}

const playerIdOf = (bytes: Uint8Array) => `p${Array.from(bytes, byte => BASE32[byte % 32]).join('')}`;

/** 100 random bits, so that two are never equal. */
export const newPlayerId = () => playerIdOf(randomBytes(20));

/** @param id 20 random bytes @param secret 24 random bytes */
export const guestOf = (id: Uint8Array, secret: Uint8Array): Guest => ({
  player: playerIdOf(id),
  secret: Buffer.from(secret).toString('base64url'),
});

/** The secrets that players log in with. They are kept beside the log and never in it, because events stay for ever. */
export class Credentials {
  constructor(
    private readonly redis: RedisClient,
    private readonly topology: Topology,
  ) {}

  /**
   * Creates a player. Only the hash of the secret is kept, so this is the only time it can be shown.
   *
   * @throws LogClosedError while the log is being moved
   */
  async create(guest = guestOf(randomBytes(20), randomBytes(24))): Promise<Guest> {
    const { player, secret } = guest;
    const hash = await hashSecret(secret);
    const keys = this.topology.of('players', player);
    await keepLogin.run(
      this.redis,
      [keys.gate(), keys.touched(), credentialsKey(keys)],
      [player, 'HSET', player, hash],
    );
    return guest;
  }

  /** Takes the same time whether the player is known or not. */
  async match(player: string, secret: string): Promise<boolean> {
    const hash = await this.redis.hget(this.keyOf(player), player);
    return isSecretOf(hash ?? undefined, secret);
  }

  /** Whether the player can return. */
  async isKnown(player: string): Promise<boolean> {
    return (await this.redis.hexists(this.keyOf(player), player)) === 1;
  }

  private keyOf(player: string): string {
    return credentialsKey(this.topology.of('players', player));
  }
}
