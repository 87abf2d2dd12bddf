import { setTimeout as delay } from 'node:timers/promises';
import { abandonMove, isTopology, noteAbandoned, readTopology, type Topology } from '#libs/event-log';
import { STREAMS } from '#libs/events';
import type { Logger } from '#libs/observability';
import { isRedisUnavailable, type RedisClient } from '#libs/redis';

/** How often the topology is read. */
const POLL_MS = 500;
/** The same during a repartition, because writes with the old topology are refused from the switch on. */
const POLL_WHILE_MOVING_MS = 25;

/**
 * Polls the topology and updates it in this process after a repartition. If the process that ran a repartition died, the log
 * is opened for writes again.
 *
 * @returns a function that stops it
 */
export function followTopology(redis: RedisClient, topology: Topology, logger: Logger): () => void {
  let isStopped = false;
  let lastErrorMessage = '';
  topology.onChange(() => {
    const { scores, players } = topology.counts;
    logger.log(`the log was moved: it has ${scores} partitions of scores, ${players} of players`);
  });
  const follow = async (): Promise<void> => {
    while (!isStopped) {
      let isMoving = false;
      try {
        const { moving, ...fields } = await readTopology(redis, topology.prefix);
        if (Object.keys(fields).length === 0) {
          await topology.restore(redis);
          logger.error(
            'data loss: the topology of the log was deleted from Redis; it has been written again',
          );
        }
        if (isTopology(fields) && !topology.isSucceededBy(fields)) await adoptReplacedLog(topology, fields);
        topology.update(fields);
        lastErrorMessage = '';
        isMoving = moving !== undefined;
        if (moving !== undefined && (await abandonMove(redis, topology, moving)))
          logger.warn(
            'the process that ran the repartition is gone: the repartition was cancelled, and the log stays as it was',
          );
      } catch (error) {
        const { message } = error as Error;
        if (!isRedisUnavailable(error) && message !== lastErrorMessage) logger.error(error);
        lastErrorMessage = message;
      }
      await delay(isMoving ? POLL_WHILE_MOVING_MS : POLL_MS, undefined, { ref: false });
    }
  };
  /** Adopts the topology of the log that replaced this one, as all processes must do, and records the loss of the old log there. */
  const adoptReplacedLog = async (to: Topology, fields: Record<string, string>) => {
    const before = STREAMS.flatMap(stream => to.all(stream));
    const { counts } = to;
    to.update(fields);
    logger.error(
      `data loss: the log in Redis has ${fields.scores} partitions of scores and ${fields.players} of players. It had ${counts.scores} and ${counts.players} and was not repartitioned: another log has replaced it`,
    );
    await noteAbandoned(redis, to, before);
  };
  void follow();
  return () => {
    isStopped = true;
  };
}
