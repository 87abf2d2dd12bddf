import { setTimeout as delay } from 'node:timers/promises';
import { abandonMove, isTopology, noteAbandoned, readTopology, type Topology } from '#libs/event-log';
import { STREAMS } from '#libs/events';
import type { Logger } from '#libs/observability';
import { isRedisUnavailable, type RedisClient } from '#libs/redis';

/** Milliseconds between two looks at how the streams are cut. */
const LOOK = 500;
/** As long as they are cut anew: from the moment of the switch on, what goes by the old cut is refused. */
const LOOK_MOVING = 25;

/**
 * Has a process go by new partitions as soon as the log is moved. A log that is closed by who moves it, and then died, is
 * opened again.
 *
 * @returns ends it
 */
export function followTopology(redis: RedisClient, topology: Topology, logger: Logger): () => void {
  let isEnding = false;
  let lastFault = '';
  topology.onChange(() => {
    const { scores, players } = topology.counts;
    logger.log(`the log was moved: it has ${scores} partitions of scores, ${players} of players`);
  });
  const follow = async (): Promise<void> => {
    while (!isEnding) {
      let isMoving = false;
      try {
        const { moving, ...fields } = await readTopology(redis, topology.prefix);
        if (Object.keys(fields).length === 0) {
          await topology.restore(redis);
          logger.error('data loss: how the streams are cut was deleted from Redis, and is written again');
        }
        if (isTopology(fields) && !topology.isSucceededBy(fields)) await replace(topology, fields);
        topology.update(fields);
        lastFault = '';
        isMoving = moving !== undefined;
        if (moving !== undefined && (await abandonMove(redis, topology, moving)))
          logger.warn('whoever moved the log is silent: it stays where it is');
      } catch (error) {
        const { message } = error as Error;
        if (!isRedisUnavailable(error) && message !== lastFault) logger.error(error);
        lastFault = message;
      }
      await delay(isMoving ? LOOK_MOVING : LOOK, undefined, { ref: false });
    }
  };
  /** All processes go by the other log, or they would not find each other's events. That this one is gone is noted there. */
  const replace = async (to: Topology, fields: Record<string, string>) => {
    const before = STREAMS.flatMap(stream => to.all(stream));
    const { counts } = to;
    to.update(fields);
    logger.error(
      `data loss: Redis says that the log has ${fields.scores} partitions of scores and ${fields.players} of players. It had ${counts.scores} and ${counts.players}, and nobody moved it: another log has taken its place`,
    );
    await noteAbandoned(redis, to, before);
  };
  void follow();
  return () => {
    isEnding = true;
  };
}
