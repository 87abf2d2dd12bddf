import { randomBytes } from 'node:crypto';
import type { Topology } from '#libs/event-log';
import { playerSessionsKey, sessionKey } from '#libs/players';
import { BatchLoader, OptionalWrites, type RedisClient } from '#libs/redis';
import { script } from '../lua.js';
import { hashOf, type TokenHash } from './token-hash.js';

/** How long a session lasts after its last use. */
export const SESSION_LIFETIME_MS = 7 * 24 * 60 * 60 * 1_000;
/** A session is extended at most this often, so that using it costs one write an hour instead of one a request. */
const EXTENSION_INTERVAL_MS = 60 * 60 * 1_000;
/** Open sessions of one player, at most. */
export const MAX_SESSIONS = 50;

/** Player, end in milliseconds since 1970, and 1 if the session was extended; empty when there is no session. */
type Found = string;

const keepLogin = script<number>('keep-login');
const findSession = script<readonly Found[]>('find-session');
const peekSession = script<readonly Found[]>('peek-session');

export interface Session {
  readonly player: string;
  readonly expiresAt: Date;
  /** Whether this look-up extended the session. */
  readonly isExtended: boolean;
}

/**
 * The sessions of players. Redis stores only the hash of a token, and its clock decides when a session ends. The gateway
 * caches nothing, so a closed session is closed on every gateway at once.
 */
export class Sessions {
  private readonly batched: BatchLoader<string, Found>;
  private readonly extending = new OptionalWrites();

  constructor(
    private readonly redis: RedisClient,
    private readonly topology: Topology,
  ) {
    this.batched = new BatchLoader(redis, keys => this.look(keys, EXTENSION_INTERVAL_MS));
  }

  /**
   * Opens a session, and closes the player's oldest when there are too many.
   *
   * @returns its token
   * @throws LogClosedError while the log is being moved
   */
  async open(player: string, token = randomBytes(32).toString('base64url')): Promise<string> {
    const hash = hashOf(token);
    const keys = this.topology.of('players', player);
    const list = playerSessionsKey(keys, player);
    // The list comes first: after a crash in between, every open session is still in the list.
    const [, surplus] = await Promise.all([
      keepLogin.run(this.redis, [keys.gate(), keys.touched(), list], [player, 'RPUSH', hash]),
      this.redis.lrange(list, 0, -1 - MAX_SESSIONS),
    ]);
    await this.redis.set(this.keyOf(hash), player, 'PX', SESSION_LIFETIME_MS);
    // A repeat with the same Idempotency-Key opens the same session again.
    const others = surplus.filter(oldest => oldest !== hash);
    await Promise.all(others.map(oldest => this.end(oldest, player)));
    return token;
  }

  /** The session of a token. It is extended if an hour has passed since it was last extended. */
  async find(hash: TokenHash): Promise<Session | undefined> {
    const key = this.keyOf(hash);
    return toSession(await this.batched.load(key, key));
  }

  /** The session of a token, extended in any case. */
  async extend(hash: TokenHash): Promise<Session | undefined> {
    const [found] = await this.look([this.keyOf(hash)], 0);
    return toSession(found);
  }

  /** Extends a session that was opened just now. */
  async extendNew(token: string): Promise<Session> {
    const session = await this.extend(hashOf(token));
    if (!session) throw new Error('a new session has ended already');
    return session;
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
    // The list can still name sessions that have ended.
    return times.filter(time => time > 0).map(time => new Date(time));
  }

  /** While Redis refuses writes, sessions are found without being extended. */
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
