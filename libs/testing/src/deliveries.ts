import type { PartitionKeys, Settlement } from '#libs/event-log';
import { type EventType, type NewEvent, type RecordedEvent, unpackEvent } from '#libs/events';
import { projections } from '#libs/maintenance';
import { Projector } from '#libs/projections';
import { SERVER } from './events.js';
import type { TestLog } from './test-log.js';

/**
 * A worker's share: batch by batch, and what was deferred again, until nothing is left.
 *
 * @returns how many events took effect
 */
export async function work<Event extends Pick<RecordedEvent, 'id'>>(
  batches: readonly (readonly Event[])[],
  apply: (batch: readonly Event[]) => Promise<Settlement>,
): Promise<number> {
  const queue = [...batches];
  let applied = 0;
  let rounds = 0;
  for (let batch = queue.shift(); batch; batch = queue.shift()) {
    if (++rounds > 1_000) throw new Error('the same events are deferred again and again');
    const settlement = await apply(batch);
    expect(settlement.applied + settlement.duplicates + settlement.deferred.length).toBe(batch.length);
    applied += settlement.applied;
    const deferred = new Set(settlement.deferred);
    if (deferred.size > 0) queue.push(batch.filter(event => deferred.has(event.id)));
  }
  return applied;
}

type Score = NewEvent<'ScoreSubmitted'>['data'];

/** Appends scores to the log, one after the other. */
export async function appendScores(
  { log }: TestLog,
  scores: readonly (Omit<Score, 'board'> & { board?: string })[],
): Promise<void> {
  const data = scores.map(score => ({ board: 'board', ...score }));
  await Promise.all(data.map(score => log.append({ type: 'ScoreSubmitted', data: score, actor: SERVER })));
}

/** One partition's events that a group was not given before: from now on they are pending. */
export async function deliver<T extends EventType>(
  { redis }: TestLog,
  keys: PartitionKeys,
  group: string,
): Promise<RecordedEvent<T>[]> {
  await redis.xgroup('CREATE', keys.stream, group, '0', 'MKSTREAM').catch((error: Error) => {
    if (!error.message.startsWith('BUSYGROUP')) throw error;
  });
  const reply = (await redis.xreadgroup('GROUP', group, 'test', 'STREAMS', keys.stream, '>')) as
    | [[string, [id: string, fields: string[]][]]]
    | null;
  return (reply?.[0][1] ?? []).map(([id, fields]) => unpackEvent(id, fields)) as RecordedEvent<T>[];
}

/** Lets every projection apply its new events. */
export async function projectAll(test: TestLog): Promise<void> {
  for (const projection of projections) {
    const projector = new Projector(test.redis, projection);
    for (const keys of test.topology.all(projection.stream)) {
      const events = await deliver(test, keys, projection.name);
      if (events.length > 0) await projector.apply(events, { keys, group: projection.name });
    }
  }
}

/** How many events a group was given and has not acknowledged. */
export async function pendingOf({ redis }: TestLog, keys: PartitionKeys, group: string): Promise<number> {
  const [count] = (await redis.xpending(keys.stream, group)) as [number];
  return count;
}
