import { nodesOf, type RedisClient } from '#libs/redis';

/** How long to wait for replicas, in milliseconds. */
const DEADLINE = 1_000;

/** A replica that took over now would lack writes. */
export class ReplicasBehindError extends Error {
  readonly code = 'REPLICAS_BEHIND';
  override readonly name = 'ReplicasBehindError';

  constructor() {
    super(
      'no replica of a Redis has what was moved in time: see INFO replication, and run the command again',
    );
  }
}

/**
 * Waits until one replica of each server, if it has any, has confirmed all writes. Otherwise a failover could undo the new log
 * after the switch, and lose events that were acknowledged long before.
 *
 * @throws ReplicasBehindError
 */
export async function confirmByReplicas(redis: RedisClient): Promise<void> {
  await Promise.all(
    nodesOf(redis).map(async node => {
      const [, replicas = '0'] = /^connected_slaves:(\d+)/m.exec(await node.info('replication')) ?? [];
      if (replicas === '0') return;
      if (Number(await node.call('WAIT', 1, DEADLINE)) < 1) throw new ReplicasBehindError();
    }),
  );
}
