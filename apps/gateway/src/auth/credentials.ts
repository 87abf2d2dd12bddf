import { randomBytes } from 'node:crypto';
import type { Topology } from '#libs/event-log';
import { credentialsKey } from '#libs/players';
import { type RedisClient } from '#libs/redis';
import { script } from '../lua.js';
import { hashLike, hashMatching, hashSecret, startOf } from './secret-hash.js';

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';

/** Maximum secrets of a player. One more revokes the oldest. */
const MAX_SECRETS = 10;

const newSecret = () => randomBytes(24).toString('base64url');

const keepLogin = script<number>('keep-login');
const addSecret = script<0 | 1>('add-secret');

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
    await this.keep(guest);
    return guest;
  }

  /**
   * The hash of the player's secret that matches; undefined if none does. It takes the same time for a known and an unknown player.
   */
  async match(player: string, secret: string): Promise<string | undefined> {
    return hashMatching(await this.find(player), secret);
  }

  /** Whether the hash still belongs to a secret of the player. */
  async has(player: string, hash: string): Promise<boolean> {
    return (await this.find(player))?.split(' ').includes(hash) ?? false;
  }

  /** A text that changes when all secrets of the player are revoked; undefined for a player without a secret. */
  async generation(player: string): Promise<string | undefined> {
    const kept = await this.find(player);
    return kept === undefined ? undefined : startOf(kept);
  }

  /**
   * Adds a secret to the player.
   *
   * @returns undefined if the secrets have been revoked since `generation`
   * @throws LogClosedError while the log is being moved
   */
  async add(player: string, generation: string): Promise<{ secret: string; hash: string } | undefined> {
    const secret = newSecret();
    const hash = await hashLike(generation, secret);
    const keys = this.topology.of('players', player);
    const added = await addSecret.run(
      this.redis,
      [keys.gate(), keys.touched(), credentialsKey(keys)],
      [player, hash, `${generation}$`, MAX_SECRETS],
    );
    return added === 1 ? { secret, hash } : undefined;
  }

  /** Revokes all secrets, and gives the player a new one. @throws LogClosedError while the log is being moved */
  async replace(player: string): Promise<string> {
    const secret = newSecret();
    await this.keep({ player, secret });
    return secret;
  }

  /** Revokes all secrets. @throws LogClosedError while the log is being moved */
  async revoke(player: string): Promise<void> {
    const keys = this.topology.of('players', player);
    const touched = [keys.gate(), keys.touched(), credentialsKey(keys)];
    await keepLogin.run(this.redis, touched, [player, 'HDEL', player]);
  }

  /** Whether the player can return. */
  async isKnown(player: string): Promise<boolean> {
    return (await this.redis.hexists(this.keyOf(player), player)) === 1;
  }

  private async keep({ player, secret }: Guest): Promise<void> {
    const hash = await hashSecret(secret);
    const keys = this.topology.of('players', player);
    const touched = [keys.gate(), keys.touched(), credentialsKey(keys)];
    await keepLogin.run(this.redis, touched, [player, 'HSET', player, hash]);
  }

  private async find(player: string): Promise<string | undefined> {
    return (await this.redis.hget(this.keyOf(player), player)) ?? undefined;
  }

  private keyOf(player: string): string {
    return credentialsKey(this.topology.of('players', player));
  }
}
