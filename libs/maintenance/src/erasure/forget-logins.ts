import type { Topology } from '#libs/event-log';
import {
  credentialsKey,
  failedPlayerLoginsKey,
  hourlyBytesKey,
  playerSessionsKey,
  scoredBoardsKey,
  sessionKey,
  transferCodeKey,
  transferCodesKey,
} from '#libs/players';
import type { RedisClient } from '#libs/redis';

/** Deletes what is stored of a player outside the log: secrets, sessions, transfer codes, and counters. */
export async function forgetLogins(redis: RedisClient, topology: Topology, player: string): Promise<void> {
  const keys = topology.of('players', player);
  // The secrets first: otherwise a new session could be opened after the list was read.
  await redis.hdel(credentialsKey(keys), player);
  await endSessions(redis, topology, player);
  const counts = [
    failedPlayerLoginsKey(keys, player),
    scoredBoardsKey(keys, player),
    hourlyBytesKey(topology.prefix, player),
  ];
  await Promise.all(counts.map(key => redis.unlink(key)));
}

/** Ends all sessions of a player, and makes all transfer codes worthless. */
export async function endSessions(redis: RedisClient, topology: Topology, player: string): Promise<void> {
  const list = playerSessionsKey(topology.of('players', player), player);
  const sessions = await redis.lrange(list, 0, -1);
  await Promise.all(sessions.map(hash => redis.unlink(sessionKey(topology.prefix, hash))));
  // After the sessions: whoever makes a code looks at the session afterwards.
  const codesKey = transferCodesKey(topology.prefix, player);
  const codes = await redis.lrange(codesKey, 0, -1);
  await Promise.all(codes.map(hash => redis.unlink(transferCodeKey(topology.prefix, hash))));
  // The lists last: after a crash, they still name what is open.
  await Promise.all([list, codesKey].map(key => redis.unlink(key)));
}
