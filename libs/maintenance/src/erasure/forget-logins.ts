import type { Topology } from '#libs/event-log';
import {
  credentialsKey,
  failedPlayerLoginsKey,
  hourlyBytesKey,
  playerSessionsKey,
  scoredBoardsKey,
  sessionKey,
} from '#libs/players';
import type { RedisClient } from '#libs/redis';

/** Takes from a player all that stands beside the log: what lets them in, every session on every gateway, and counts. */
export async function forgetLogins(redis: RedisClient, topology: Topology, player: string): Promise<void> {
  const keys = topology.of('players', player);
  // The secret first: with it, a session could be opened behind the look at the list.
  await redis.hdel(credentialsKey(keys), player);
  const sessions = await redis.lrange(playerSessionsKey(keys, player), 0, -1);
  await Promise.all(sessions.map(hash => redis.unlink(sessionKey(topology.prefix, hash))));
  // Last: whatever a crash leaves behind, the list names every session that is open.
  const counts = [
    failedPlayerLoginsKey(keys, player),
    scoredBoardsKey(keys, player),
    hourlyBytesKey(topology.prefix, player),
  ];
  await Promise.all([playerSessionsKey(keys, player), ...counts].map(key => redis.unlink(key)));
}
