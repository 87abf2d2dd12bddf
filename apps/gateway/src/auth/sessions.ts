import { randomBytes } from 'node:crypto';
import type { Topology } from '#libs/event-log';
import { playerSessionsKey, sessionKey } from '#libs/players';
import { Batched, OptionalWrites, type RedisClient } from '#libs/redis';
import { script } from '../lua.js';
import { hashOf, type TokenHash } from './token-hash.js';

/** Milliseconds that a session lasts from when it was last used. */
export const SESSION_LIFETIME_MS = 7 * 24 * 60 * 60 * 1_000;
/** Milliseconds of it that are used before another use puts off its end: one write an hour, not one a request. */
const EXTENSION_INTERVAL_MS = 60 * 60 * 1_000;
/** Sessions of one player at a time. */
export const MAX_SESSIONS = 50;

/** Player, end in milliseconds since 1970, and 1 when that was put off; empty when there is none. */
type Found = string;

const keepLogin = script<number>('keep-login');
const findSession = script<readonly Found[]>('find-session');
const peekSession = script<readonly Found[]>('peek-session');

export interface Session {
  readonly player: string;
  readonly expiresAt: Date;
  /** Whether finding it has put off its end. */
  readonly isExtended: boolean;
}

/**
 * The logins of players. Redis holds a token's hash only, and its clock alone says when a session ends. Nothing is
 * remembered here: a session that is closed is closed on every gateway.
 */
export class Sessions {
  private readonly batched: Batched<string, Found>;
  private readonly extending = new OptionalWrites();

  constructor(
    private readonly redis: RedisClient,
    private readonly topology: Topology,
  ) {
    this.batched = new Batched(redis, keys => this.look(keys, EXTENSION_INTERVAL_MS));
  }

  /**
   * Opens a session, and closes the player's oldest when there are too many.
   *
   * @returns its token
   * @throws LogClosedError while the log is being moved
   */
  async open(player: string): Promise<string> {
    const token = randomBytes(32).toString('base64url');
    const hash = hashOf(token);
    const keys = this.topology.of('players', player);
    const list = playerSessionsKey(keys, player);
    // Listed first: whatever a crash leaves behind, no session is open that the list does not name.
    const [, surplus] = await Promise.all([
      keepLogin.run(this.redis, [keys.gate(), keys.touched(), list], [player, 'RPUSH', hash]),
      this.redis.lrange(list, 0, -1 - MAX_SESSIONS),
    ]);
    await this.redis.set(this.keyOf(hash), player, 'PX', SESSION_LIFETIME_MS);
    await Promise.all(surplus.map(oldest => this.end(oldest, player)));
    return token;
  }

  /** The session of a token. Its end is put off when an hour of it is used. */
  async find(hash: TokenHash): Promise<Session | undefined> {
    const key = this.keyOf(hash);
    return toSession(await this.batched.ask(key, key));
  }

  /** The session of a token, with its end put off. */
  async extend(hash: TokenHash): Promise<Session | undefined> {
    const [found] = await this.look([this.keyOf(hash)], 0);
    return toSession(found);
  }

  /** Closes a session, if there is one. */
  async close(hash: TokenHash): Promise<void> {
    const player = await this.redis.get(this.keyOf(hash));
    if (player !== null) await this.end(hash, player);
  }

  /** When each open session of the player ends. */
  async endsOf(player: string): Promise<Date[]> {
    const hashes = await this.redis.lrange(this.listOf(player), 0, -1);
    const times = await Promise.all(hashes.map(hash => this.redis.pexpiretime(this.keyOf(hash))));
    // One that has ended has none.
    return times.filter(time => time > 0).map(time => new Date(time));
  }

  /** While Redis takes no writes, sessions are found all the same: only their ends are not put off. */
  private look(keys: readonly string[], slack: number): Promise<readonly Found[]> {
    return this.extending.run(
      () => findSession.run(this.redis, keys, [SESSION_LIFETIME_MS, slack]),
      () => peekSession.run(this.redis, keys, []),
    );
  }

  private async end(hash: string, player: string): Promise<void> {
    await this.redis.unlink(this.keyOf(hash));
    await this.redis.lrem(this.listOf(player), 1, hash);
  }

  private keyOf(hash: string): string {
    return sessionKey(this.topology.prefix, hash);
  }

  private listOf(player: string): string {
    return playerSessionsKey(this.topology.of('players', player), player);
  }
}

function toSession(found: Found = ''): Session | undefined {
  if (found === '') return undefined;
  const [player = '', expiresAt, isExtended] = found.split(' ');
  return { player, expiresAt: new Date(Number(expiresAt)), isExtended: isExtended === '1' };
}
