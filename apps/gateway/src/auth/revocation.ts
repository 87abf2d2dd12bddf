import type { Topology } from '#libs/event-log';
import { endSessions } from '#libs/maintenance';
import type { RedisClient } from '#libs/redis';
import type { Credentials } from './credentials.js';
import type { Sessions } from './sessions.js';
import { hashOf } from './token-hash.js';

/**
 * Ends everything that a player is logged in with. Secrets go first: a log-in that was checked against the old ones looks at them
 * again after its session was opened.
 */
export class Revocation {
  constructor(
    private readonly redis: RedisClient,
    private readonly topology: Topology,
    private readonly credentials: Credentials,
    private readonly sessions: Sessions,
  ) {}

  async lockOut(player: string): Promise<void> {
    await this.credentials.revoke(player);
    await endSessions(this.redis, this.topology, player);
  }

  /** @returns the only session and the only secret of the player from now on */
  async renew(player: string): Promise<{ token: string; secret: string; expiresAt: Date }> {
    const secret = await this.credentials.replace(player);
    await endSessions(this.redis, this.topology, player);
    const token = await this.sessions.open(player);
    const session = await this.sessions.extend(hashOf(token));
    if (!session) throw new Error('a session ended that has just begun');
    return { token, secret, expiresAt: session.expiresAt };
  }
}
