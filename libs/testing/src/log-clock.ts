import type { Topology } from '#libs/event-log';
import { packEvent } from '#libs/events';
import type { RedisClient } from '#libs/redis';
import { SERVER } from './events.js';

/**
 * Moves the clock of partitions of scores forward, to a moment (ms since 1970) in the future: each takes a score of
 * a board of no interest at that time, and a stream's time never goes back, so what is appended from now on comes
 * then or later.
 *
 * @throws Error when a clock is there already
 */
export async function moveLogClock(
  redis: RedisClient,
  topology: Topology,
  partitions: readonly number[],
  to: number,
): Promise<void> {
  await Promise.all(
    partitions.map(partition => {
      const board = boardIn(topology, partition, 'clock');
      const { e } = packEvent({
        type: 'ScoreSubmitted',
        data: { board, player: 'clock', score: 0 },
        actor: SERVER,
      });
      // Its own time is not before its id: the append script takes it for a clock that was set on purpose.
      return redis.xadd(topology.at('scores', partition).stream, `${to}-0`, 'e', e, 't', String(to));
    }),
  );
}

/** A board with such a name whose scores are kept in that partition. */
export function boardIn(topology: Topology, partition: number, name: string): string {
  const { stream } = topology.at('scores', partition);
  for (let n = 0; ; n++) {
    const board = `${name}-${n}`;
    if (topology.of('scores', board).stream === stream) return board;
  }
}
