import { deadLettersKey, measureLog, type PartitionKeys, type Topology } from '#libs/event-log';
import { STREAMS, type StreamName } from '#libs/events';
import { nodesOf, type RedisClient, readWholeHash } from '#libs/redis';
import { Jobs } from '../jobs/jobs.js';
import { groupsOf, projections } from '../projections/projections.js';
import { type Skipped, skippedKey } from './stream-replay.js';

/** The log cannot be repartitioned now. The message names the remedy. */
export class RepartitionRefusedError extends Error {
  readonly code = 'REPARTITION_REFUSED';
  override readonly name = 'RepartitionRefusedError';

  /** @param isTemporary whether waiting is enough */
  constructor(
    message: string,
    readonly isTemporary = false,
  ) {
    super(message);
  }
}

/** Checks that no job is active. @throws RepartitionRefusedError */
export async function assertQuiet(redis: RedisClient, topology: Topology): Promise<void> {
  const jobs = new Jobs(redis, topology);
  for (const { name } of projections) {
    const job = await jobs.active(name);
    if (job)
      throw new RepartitionRefusedError(`${job.kind} ${job.id} is running: wait for it, or cancel it`, true);
  }
}

/**
 * Checks that the log is complete, nobody is being erased, and there are no dead letters.
 *
 * @returns by stream, dropped events, which must not take effect in the new partitions either
 * @throws RepartitionRefusedError
 * @throws LogDamagedError if events are missing
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

/** Checks the memory: for a while, log and projections exist twice. @throws RepartitionRefusedError */
export async function assertMemory(redis: RedisClient): Promise<void> {
  for (const node of nodesOf(redis)) {
    const info = await node.info('memory');
    const number = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0);
    const [used, most] = [number('used_memory'), number('maxmemory')];
    if (most > 0 && 2 * used > most)
      throw new RepartitionRefusedError(
        `a Redis server uses ${mebibytes(used)} MiB of its ${mebibytes(most)} MiB (maxmemory), and a repartition needs twice the memory: set maxmemory to at least ${mebibytes(2 * used)} MiB until it is done`,
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
      const place = skippedKey(keys.partition, id);
      skipped.set(place, [...(skipped.get(place) ?? []), group]);
    }
  }
  return skipped;
}
