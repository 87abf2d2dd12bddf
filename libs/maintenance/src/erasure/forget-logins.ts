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

/** Deletes what is stored of a player outside the log: the secret, all sessions, and counters. */
export async function forgetLogins(redis: RedisClient, topology: Topology, player: string): Promise<void> {
  const keys = topology.of('players', player);
  // The secret first: otherwise a new session could be opened after the list was read.
  await redis.hdel(credentialsKey(keys), player);
  const sessions = await redis.lrange(playerSessionsKey(keys, player), 0, -1);
  await Promise.all(sessions.map(hash => redis.unlink(sessionKey(topology.prefix, hash))));
  // The list last: after a crash, it still names every open session.
  const counts = [
    failedPlayerLoginsKey(keys, player),
    scoredBoardsKey(keys, player),
    hourlyBytesKey(topology.prefix, player),
  ];
  await Promise.all([playerSessionsKey(keys, player), ...counts].map(key => redis.unlink(key)));
}
