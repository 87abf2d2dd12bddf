import fc from 'fast-check';
import type { Settlement } from '#libs/event-log';
import { type Actor, type EventType, type NewEvent, type RecordedEvent, unpackEvent } from '#libs/events';
import type { PartitionKeys } from '#libs/redis';
import type { TestLog } from './test-log.js';

export const SERVER: Actor = { kind: 'server', id: 'test' };

type Data<T extends EventType> = NewEvent<T>['data'];

/** A score event with an id of its own: `ms-seq`. */
export function scoreSubmitted(
  data: Omit<Data<'ScoreSubmitted'>, 'board'> & { board?: string },
  ms: number,
  seq = 0,
): RecordedEvent<'ScoreSubmitted'> {
  return { type: 'ScoreSubmitted', id: { ms, seq }, actor: SERVER, data: { board: 'board', ...data } };
}

/** A save event as the log would hold it. */
export function saveWritten(version: number, ms: number, document = '{}'): RecordedEvent<'SaveWritten'> {
  const data = { player: 'ada', slot: 'auto', document };
  return { type: 'SaveWritten', id: { ms, seq: 0 }, actor: SERVER, data, version };
}

/** Scores of all sizes, ordinary ones and ties above all. Not -0: JSON, and so the log, knows only one zero. */
export const anyScore: fc.Arbitrary<number> = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -3, max: 3 }) },
  { weight: 2, arbitrary: fc.double({ noNaN: true, noDefaultInfinity: true }).map(score => score + 0) },
  { weight: 1, arbitrary: fc.constantFrom(5e-324, 0.1, 1e21, -1e308, Number.MAX_SAFE_INTEGER) },
);

/** Score events of one player on one board, in the order of the log, and the same events in any order. */
export const scoresInAnyOrder = fc
  .array(fc.record({ score: anyScore, gap: fc.nat({ max: 2 }) }), { minLength: 1, maxLength: 30 })
  .chain(steps => {
    let ms = 1_700_000_000_000;
    const events = steps.map(({ score, gap }, seq) => {
      ms += gap;
      return scoreSubmitted({ player: 'ada', score, attributes: { run: seq } }, ms, seq);
    });
    return fc.record({ events: fc.constant(events), shuffled: shuffled(events) });
  });

/** The same list in any order. */
export function shuffled<T>(list: readonly T[]): fc.Arbitrary<T[]> {
  return fc.shuffledSubarray([...list], { minLength: list.length });
}

/** A list cut into batches of any sizes. */
export function cut<T>(list: readonly T[]): fc.Arbitrary<T[][]> {
  const size = fc.integer({ min: 1, max: 12 });
  return fc.array(size, { minLength: list.length, maxLength: list.length }).map(sizes => {
    const rest = [...list];
    return sizes.map(length => rest.splice(0, length)).filter(batch => batch.length > 0);
  });
}

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
    const deferred = new Set(settlement.deferred);
    expect(settlement.applied + settlement.duplicates + deferred.size).toBe(batch.length);
    applied += settlement.applied;
    if (deferred.size > 0) queue.push(batch.filter(event => deferred.has(event.id)));
  }
  return applied;
}

/** Appends scores to the log, one after the other. */
export async function appendScores(
  { log }: TestLog,
  scores: readonly (Omit<Data<'ScoreSubmitted'>, 'board'> & { board?: string })[],
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

/** How many events a group was given and has not acknowledged. */
export async function pendingOf({ redis }: TestLog, keys: PartitionKeys, group: string): Promise<number> {
  const [count] = (await redis.xpending(keys.stream, group)) as [number];
  return count;
}

/** What projections keep in a partition, by key: all of it besides the log and its heads. */
export async function stateOf({ redis }: TestLog, keys: PartitionKeys) {
  const base = keys.stream.slice(0, -'log'.length);
  const state = {
    hashes: {} as Record<string, Record<string, string>>,
    ranks: {} as Record<string, Record<string, number>>,
    documents: {} as Record<string, string | null>,
  };
  for (const key of (await redis.keys(`${base}*`)).sort()) {
    if (key.startsWith(`${base}versions:`)) continue;
    const type = await redis.type(key);
    if (type === 'hash') state.hashes[key] = await redis.hgetall(key);
    else if (type === 'string') state.documents[key] = await redis.get(key);
    else if (type === 'zset') state.ranks[key] = pairs(await redis.zrange(key, 0, '-1', 'WITHSCORES'));
  }
  return state;
}

function pairs(flat: readonly string[]): Record<string, number> {
  return Object.fromEntries(
    flat.flatMap((member, i) => (i % 2 === 0 ? [[member, Number(flat[i + 1])]] : [])),
  );
}
