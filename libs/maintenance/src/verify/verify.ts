import { setTimeout as delay } from 'node:timers/promises';
import { measureLog, type PartitionKeys } from '#libs/event-log';
import type { EventType } from '#libs/events';
import { documentStoreName, type Projection, stateKeys } from '#libs/projections';
import { nodeOf, type RedisClient, readWholeHash } from '#libs/redis';
import type { Difference } from './difference.js';
import { PartitionCheck } from './partition-check.js';
import { PartitionFold } from './partition-fold.js';

/** How many redefinitions of boards one verification tolerates. */
const ATTEMPTS = 5;
/** Milliseconds between two checks whether an erasure is over. */
const PAUSE = 50;

/**
 * Compares a projection's live state of a partition with the fold of its log, while both continue to change.
 *
 * Each probe returns the state together with the events that it contains. The fold advances to exactly these events before it is
 * compared. So nothing has to pause, and events in progress are never reported as differences.
 *
 * @param board compares only this board
 * @param onProgress called with the number of folded events; may throw to stop
 * @returns the differences
 * @throws LogDamagedError if the log is incomplete
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
    // Events were deleted while they were folded. An erasure waits for verifications, so it had begun just before this one.
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
    // The board was redefined during the fold, so fold again under the current definition.
    if (!fold.isTrue && attempt < ATTEMPTS) continue;
    // Keys are listed before the fold advances, so the fold contains all events that created them.
    const { expectedKeys } = check;
    const strangers = kept.filter(key => !expectedKeys.has(key)).map(key => ({ key, actual: 'there' }));
    const rulesDiffer = fold.isTrue ? [] : [{ key: state.rules(), actual: 'another definition of a board' }];
    return [...check.differences, ...strangers, ...rulesDiffer];
  }
}

/** All keys of a generation. It scans all keys of their server. */
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

/** The number of erased events, and whether an erasure is deleting some now. */
async function readErasures(redis: RedisClient, keys: PartitionKeys) {
  const [events, purging] = await redis.hmget(keys.erasures(), 'events', 'purging');
  return { events: events ?? '0', isUnderWay: purging != null };
}
