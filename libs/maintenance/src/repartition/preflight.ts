import { deadLettersKey, measureLog, type PartitionKeys, type Topology } from '#libs/event-log';
import { STREAMS, type StreamName } from '#libs/events';
import { nodesOf, type RedisClient, readWholeHash } from '#libs/redis';
import { Jobs } from '../jobs/jobs.js';
import { groupsOf, projections } from '../projections/projections.js';
import { placeOf, type Skipped } from './stream-replay.js';

/** The log cannot be moved as things are; the message says what to do. */
export class RepartitionRefusedError extends Error {
  readonly code = 'REPARTITION_REFUSED';
  override readonly name = 'RepartitionRefusedError';

  /** @param passes whether to wait is enough */
  constructor(
    message: string,
    readonly passes = false,
  ) {
    super(message);
  }
}

/** What must be out of the way before a log is moved. @throws RepartitionRefusedError */
export async function assertQuiet(redis: RedisClient, topology: Topology): Promise<void> {
  const jobs = new Jobs(redis, topology);
  for (const { name } of projections) {
    const job = await jobs.active(name);
    if (job)
      throw new RepartitionRefusedError(
        `${job.kind} ${job.id} is under way: wait for it, or cancel it`,
        true,
      );
  }
}

/**
 * What must be out of the way as long as it is moved.
 *
 * @returns by stream, events that were dropped: they have no effect in the new log, either
 * @throws RepartitionRefusedError
 * @throws LogDamagedError when events are missing
 */
export async function assertMovable(
  redis: RedisClient,
  topology: Topology,
  streams: readonly StreamName[],
): Promise<Readonly<Record<StreamName, Skipped>>> {
  const partitions = streams.flatMap(stream => topology.all(stream));
  await Promise.all(partitions.map(keys => measureLog(redis, keys)));
  await assertNobodyErased(redis, topology);
  await assertNoDeadLetters(redis, partitions);
  const [scores, players] = await Promise.all(
    STREAMS.map(stream => (streams.includes(stream) ? readDropped(redis, topology, stream) : NOTHING)),
  );
  return { scores: scores ?? NOTHING, players: players ?? NOTHING };
}

const NOTHING: Skipped = new Map();

/** Log and projections are there twice for a while. @throws RepartitionRefusedError */
export async function assertMemory(redis: RedisClient): Promise<void> {
  for (const node of nodesOf(redis)) {
    const info = await node.info('memory');
    const number = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0);
    const [used, most] = [number('used_memory'), number('maxmemory')];
    if (most > 0 && 2 * used > most)
      throw new RepartitionRefusedError(
        `a Redis may use ${mebibytes(most)} MiB (maxmemory) and uses ${mebibytes(used)}: log and projections are there twice until the end, so give it ${mebibytes(2 * used)} for so long`,
      );
  }
}

const mebibytes = (bytes: number) => Math.ceil(bytes / 2 ** 20);

/** @throws RepartitionRefusedError */
async function assertNobodyErased(redis: RedisClient, topology: Topology): Promise<void> {
  const all = STREAMS.flatMap(stream => topology.all(stream));
  const marks = await Promise.all(
    all.map(async keys => [
      await redis.exists(keys.erasing()),
      ...Object.keys(await readWholeHash(redis, keys.erasures())),
    ]),
  );
  const isMark = (mark: string | number) =>
    mark === 1 || mark === 'purging' || String(mark).startsWith('board:');
  if (marks.flat().some(isMark))
    throw new RepartitionRefusedError('a player is being erased: wait until that is done', true);
}

/** @throws RepartitionRefusedError */
async function assertNoDeadLetters(redis: RedisClient, partitions: readonly PartitionKeys[]): Promise<void> {
  const counts = await Promise.all(
    partitions.flatMap(keys =>
      groupsOf(keys.streamName).map(group => redis.xlen(deadLettersKey(keys, group))),
    ),
  );
  const count = counts.reduce((sum, length) => sum + length, 0);
  if (count > 0)
    throw new RepartitionRefusedError(
      `there are ${count} dead letters: retry or drop them first (npm run dead-letters)`,
    );
}

async function readDropped(redis: RedisClient, topology: Topology, stream: StreamName): Promise<Skipped> {
  const skipped = new Map<string, string[]>();
  const places = topology.all(stream).flatMap(keys => groupsOf(stream).map(group => ({ keys, group })));
  const found = await Promise.all(places.map(({ keys, group }) => readWholeHash(redis, keys.skipped(group))));
  for (const [i, { keys, group }] of places.entries()) {
    for (const [id, why] of Object.entries(found[i] ?? {})) {
      if (why !== 'dropped')
        throw new RepartitionRefusedError(
          `the event ${id} in ${keys.stream} is being tried again: wait until it has taken effect or is a dead letter`,
          true,
        );
      const place = placeOf(keys.partition, id);
      skipped.set(place, [...(skipped.get(place) ?? []), group]);
    }
  }
  return skipped;
}
