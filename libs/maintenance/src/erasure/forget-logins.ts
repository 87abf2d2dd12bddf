import type { Topology } from '#libs/event-log';
import { hourlyBytesKey, type RedisClient, sessionKey } from '#libs/redis';

/** Takes from a player all that stands beside the log: what lets them in, every session on every gateway, and counts. */
export async function forgetLogins(redis: RedisClient, topology: Topology, player: string): Promise<void> {
  const keys = topology.of('players', player);
  // The secret first: with it, a session could be opened behind the look at the list.
  await redis.hdel(keys.credentials(), player);
  const sessions = await redis.lrange(keys.sessions(player), 0, -1);
  await Promise.all(sessions.map(hash => redis.unlink(sessionKey(topology.prefix, hash))));
  // Last: whatever a crash leaves behind, the list names every session that is open.
  const counts = [keys.failedLogins(player), keys.boards(player), hourlyBytesKey(topology.prefix, player)];
  await Promise.all([keys.sessions(player), ...counts].map(key => redis.unlink(key)));
}
