import { nodesOf, type RedisClient } from '#libs/redis';

/** Milliseconds for which replicas are waited for. */
const DEADLINE = 1_000;

/** A replica that took over now would not have what was written. */
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
 * Has a replica of each server confirm what was written here, where there are any: a switch to a log that a failover could
 * take back would lose what was acknowledged long before.
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
