import { LIMITED_CLASSES } from '#libs/config';
import type { Appended, EventLog, Topology } from '#libs/event-log';
import type { Envelope } from '#libs/leaderboards';
import { forgetLogins } from '#libs/maintenance';
import { limitKey } from '#libs/players';
import type { RedisClient } from '#libs/redis';

/** Starts the erasure of a player. A worker repeats these steps and does the rest, so a crash in between loses nothing. */
export class PlayerErasure {
  constructor(
    private readonly redis: RedisClient,
    private readonly topology: Topology,
    private readonly log: EventLog,
  ) {}

  /** The event comes first: a player who is logged out before it could not ask again. */
  async begin(player: string, envelope: Envelope): Promise<Appended> {
    const appended = await this.log.append({ type: 'PlayerErased', data: { player }, ...envelope });
    // The first request may belong to an erasure that is complete, and the id may be in use again.
    if (appended.replayed) return appended;
    await forgetLogins(this.redis, this.topology, player);
    const limits = LIMITED_CLASSES.map(name => limitKey(this.topology.prefix, name, 'player', player));
    await Promise.all(limits.map(key => this.redis.unlink(key)));
    return appended;
  }
}
