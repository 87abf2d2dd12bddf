import { setTimeout as delay } from 'node:timers/promises';
import { measureLog, type PartitionKeys } from '#libs/event-log';
import type { EventType } from '#libs/events';
import { documentStoreName, type Projection, stateKeys } from '#libs/projections';
import { nodeOf, type RedisClient, readWholeHash } from '#libs/redis';
import type { Difference } from './difference.js';
import { PartitionCheck } from './partition-check.js';
import { PartitionFold } from './partition-fold.js';

/** How often boards can be defined anew while their partition is folded. */
const ATTEMPTS = 5;
/** Milliseconds between two looks for players' events to be deleted. */
const PAUSE = 50;

/**
 * Compares a projection's live state of a partition with the fold of its log, while both go on.
 *
 * Each look tells, in the same moment, which events are in the state: the fold is brought to just these before it is
 * compared, so nothing has to stand still, and nothing is reported that was only under way.
 *
 * @param board only this one
 * @param onProgress hears how many events are folded; throws to stop
 * @returns what differs
 * @throws LogDamagedError when there is no whole log to compare with
 */
export async function verifyPartition<State, T extends EventType, Rules>(
  redis: RedisClient,
  projection: Projection<State, T, Rules>,
  keys: PartitionKeys,
  board: string | undefined,
  onProgress: (processed: number) => Promise<void>,
): Promise<Difference[]> {
  for (;;) {
    const before = await readErasures(redis, keys);
    if ((await measureLog(redis, keys)).last === '0-0') return [];
    if (!before.isUnderWay) {
      const differences = await compare(redis, projection, keys, board, onProgress);
      const after = await readErasures(redis, keys);
      if (!after.isUnderWay && after.events === before.events) return differences;
    }
    // Events went while they were folded. What erases waits until this is over, so it was just before that it began.
    await onProgress(0);
    await delay(PAUSE);
  }
}

async function compare<State, T extends EventType, Rules>(
  redis: RedisClient,
  projection: Projection<State, T, Rules>,
  keys: PartitionKeys,
  board: string | undefined,
  onProgress: (processed: number) => Promise<void>,
): Promise<Difference[]> {
  const source = { keys, group: projection.name };
  for (let attempt = 1; ; attempt++) {
    const [live, documents] = await redis.hmget(keys.live(source.group), 'generation', 'documents');
    const state = stateKeys(keys, Number(live ?? 1), documentStoreName(documents));
    const kept = board === undefined ? await keysOf(redis, projection.kinds, kind => state.prefix(kind)) : [];
    const rules = await readWholeHash(redis, state.rules());
    const fold = new PartitionFold(redis, projection, source, state, rules, board);
    const onPage = () => onProgress(fold.processed);
    const check = new PartitionCheck(redis, projection, source, state, fold, board === undefined, onPage);
    await check.run();
    // Folded under a definition that is past by now: once more, under the one that holds.
    if (!fold.isTrue && attempt < ATTEMPTS) continue;
    // Listed before the fold: whatever events made it is in the fold by now.
    const { expectedKeys } = check;
    const strangers = kept.filter(key => !expectedKeys.has(key)).map(key => ({ key, actual: 'there' }));
    const rulesDiffer = fold.isTrue ? [] : [{ key: state.rules(), actual: 'another definition of a board' }];
    return [...check.differences, ...strangers, ...rulesDiffer];
  }
}

/** All keys of a generation, by a walk through all keys of the server that has them. */
async function keysOf(redis: RedisClient, kinds: readonly string[], prefix: (kind: string) => string) {
  const prefixes = kinds.map(prefix);
  const found: string[] = [];
  const node = nodeOf(redis, prefixes[0] ?? '');
  let cursor = '0';
  do {
    const [next, keys] = await node.scan(cursor, 'MATCH', `${prefix('*')}*`, 'COUNT', 1_000);
    found.push(...keys.filter(key => prefixes.some(text => key === text || key.startsWith(`${text}:`))));
    cursor = next;
  } while (cursor !== '0');
  return found;
}

/** How many events were deleted from the log with their players, and whether some are just now. */
async function readErasures(redis: RedisClient, keys: PartitionKeys) {
  const [events, purging] = await redis.hmget(keys.erasures(), 'events', 'purging');
  return { events: events ?? '0', isUnderWay: purging != null };
}
