import type { Topology } from '#libs/event-log';
import { endSessions } from '#libs/maintenance';
import type { RedisClient } from '#libs/redis';
import type { Credentials } from './credentials.js';
import type { Sessions } from './sessions.js';

/**
 * Ends all sessions of a player and revokes all secrets. Secrets are revoked first: a log-in that was checked against them checks
 * again after it has opened its session.
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
    const { expiresAt } = await this.sessions.extendNew(token);
    return { token, secret, expiresAt };
  }
}
