import { LogMovedError, MOVED, PartitionHarmedError, type PartitionKeys } from '#libs/event-log';
import {
  compareEventIds,
  type EventId,
  type EventType,
  formatEventId,
  parseEventId,
  type RecordedEvent,
} from '#libs/events';
import { isRedisUnavailable, type RedisClient, readWholeHash } from '#libs/redis';
import { documentStoreName, type StateKeys, stateKeys } from './state-keys.js';

/** A partition, and the consumer group that its events are acknowledged for. */
export interface Source {
  readonly keys: PartitionKeys;
  readonly group: string;
}

/**
 * A worker's copy of what it must know to write a partition's state: the live generation, its rules, and which events it
 * already contains. A commit that was computed from an outdated view is refused.
 */
export interface PartitionView<Rules> {
  readonly keys: StateKeys;
  /** Grows by one with each change of the rules. */
  revision: number;
  readonly rules: Rules;
  /** For so many more batches, another worker is likely to change states of the partition at the same time. */
  contendedBatches: number;
  /** Whether a rebuild has folded the event into the state. Such an event can still be pending. */
  includes(id: EventId, board: string | undefined): boolean;
  /** Whether the event was a dead letter and is now delivered again. */
  isRetried(id: EventId): boolean;
}

/**
 * The board whose base tells whether the change of rules of an event has been made by a rebuild.
 *
 * Undefined for a removal, and for a creation in a shard: they change the rules of derived boards, too. A rebuild of the
 * board has made the change for the board, but perhaps not for the derived boards.
 */
export function rulesScopeOf<T extends EventType>(event: RecordedEvent<T>): string | undefined {
  const { type, data } = event;
  return type === 'BoardRemoved' || 'born' in data ? undefined : definedBoardOf(event);
}

/** The board that the event defines or removes. */
export function definedBoardOf<T extends EventType>({ type, data }: RecordedEvent<T>): string | undefined {
  const isOfBoard = type === 'BoardDefined' || type === 'BoardRemoved';
  return isOfBoard && 'board' in data ? data.board : undefined;
}

/** The live generation before any rebuild. */
const FIRST_GENERATION = 1;

/**
 * @throws LogMovedError if a repartition has moved the log
 * @throws PartitionHarmedError if another program has overwritten the stored data
 */
export async function readView<Rules>(
  redis: RedisClient,
  { keys, group }: Source,
  parseRules: (fields: Record<string, string>) => Rules,
): Promise<PartitionView<Rules>> {
  // The reads are not atomic. If the rules changed in between, the commit notices, because the revision differs.
  const [live, skipped] = await Promise.all([
    readUndamaged(keys.live(group), async () => checked(await readWholeHash(redis, keys.live(group)))),
    readUndamaged(keys.skipped(group), () => readWholeHash(redis, keys.skipped(group))),
  ]);
  if (live.generation === MOVED) throw new LogMovedError();
  const state = stateKeys(
    keys,
    Number(live.generation ?? FIRST_GENERATION),
    documentStoreName(live.documents),
  );
  const rules = await readUndamaged(state.rules(), async () =>
    parseRules(await readWholeHash(redis, state.rules())),
  );
  const includes = inclusion(live, Object.keys(skipped));
  const isAnySkipped = Object.keys(skipped).length > 0;
  return {
    keys: state,
    revision: Number(live.revision ?? 0),
    rules,
    contendedBatches: 0,
    includes,
    isRetried: id => isAnySkipped && skipped[formatEventId(id)] !== undefined,
  };
}

/** @throws PartitionHarmedError if the key cannot be read or its content is invalid */
async function readUndamaged<T>(key: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (isRedisUnavailable(error)) throw error;
    throw new PartitionHarmedError(key, (error as Error).message);
  }
}

/** The format of the fields of the live hash that are read here. */
const LIVE_FIELDS: readonly (readonly [name: RegExp, value: RegExp])[] = [
  [/^generation$/, new RegExp(`^([1-9]\\d*|${MOVED})$`)],
  [/^revision$/, /^\d+$/],
  [/^barrier$/, /^\d+-\d+ \d+ \S+$/],
  [/^base(:|$)/, /^\d+-\d+$/],
];

/** @throws Error that names the first invalid field */
function checked(live: Record<string, string>): Record<string, string> {
  for (const [name, value] of Object.entries(live)) {
    const rule = LIVE_FIELDS.find(([names]) => names.test(name));
    if (rule && !rule[1].test(value))
      throw new Error(`its field ${name} has an invalid value: ${JSON.stringify(value.slice(0, 80))}`);
  }
  return live;
}

/**
 * Returns a function that tells whether a rebuild has folded an event into the generation.
 *
 * @param live the live hash of a group: `base` is the last event that the rebuild of the generation folded in, and
 * `base:<board>` the last one that the rebuild of a board folded in
 * @param skipped ids of events that no rebuild folds in
 */
export function inclusion(
  live: Readonly<Record<string, string>>,
  skipped: readonly string[],
): PartitionView<unknown>['includes'] {
  const skippedIds = new Set(skipped);
  const bases = new Map<string, EventId>();
  for (const [field, id] of Object.entries(live))
    if (field.startsWith('base')) bases.set(field, parseEventId(id));
  if (bases.size === 0) return () => false;
  const isUpTo = (id: EventId, base: EventId | undefined) =>
    base !== undefined && compareEventIds(id, base) <= 0;
  const generationBase = bases.get('base');
  const hasBoardBases = bases.size > (generationBase ? 1 : 0);
  return (id, board) =>
    (isUpTo(id, generationBase) ||
      (board !== undefined && hasBoardBases && isUpTo(id, bases.get(`base:${board}`)))) &&
    !(skippedIds.size > 0 && skippedIds.has(formatEventId(id)));
}
