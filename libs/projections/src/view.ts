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

/** Which partition a batch is from, and for which group it is acknowledged. */
export interface Source {
  readonly keys: PartitionKeys;
  readonly group: string;
}

/**
 * What a writer of a partition's state must know: which generation is live, by which rules it goes, and what is
 * in it already. Whatever is computed from a view is refused when the view is no longer true.
 */
export interface View<Rules> {
  readonly keys: StateKeys;
  /** Changes with the rules. */
  revision: number;
  readonly rules: Rules;
  /** Batches for which it is likely that another worker changes states of the partition, too. */
  crowded: number;
  /** Whether the event is part of the state, though nobody acknowledged it: a rebuild folded it in. */
  includes(id: EventId, board: string | undefined): boolean;
  /** Whether the event was a dead letter that is now delivered again. */
  isRetried(id: EventId): boolean;
}

/**
 * The board whose base has what an event says in general, apart from what it does to states; nothing where boards that
 * count its scores hear of it, too: rebuilt, a board that was removed or born has the event, but they may not.
 */
export function rulingScopeOf<T extends EventType>(event: RecordedEvent<T>): string | undefined {
  const { type, data } = event;
  return type === 'BoardRemoved' || 'born' in data ? undefined : scopeOf(event);
}

/** The board whose base has what an event says in general, apart from what it does to states. */
export function scopeOf<T extends EventType>({ type, data }: RecordedEvent<T>): string | undefined {
  const isOfBoard = type === 'BoardDefined' || type === 'BoardRemoved';
  return isOfBoard && 'board' in data ? data.board : undefined;
}

/** The first generation, when nothing was ever built. */
const FIRST = 1;

/**
 * @throws LogMovedError when another log has taken the place of the partition's
 * @throws PartitionHarmedError when what is kept is not what was written
 */
export async function readView<Rules>(
  redis: RedisClient,
  { keys, group }: Source,
  parseRules: (fields: Record<string, string>) => Rules,
): Promise<View<Rules>> {
  // Read one after the other: if they do not belong together, the fence does not hold when it is compared.
  const [live, skipped] = await Promise.all([
    legible(keys.live(group), async () => checked(await readWholeHash(redis, keys.live(group)))),
    legible(keys.skipped(group), () => readWholeHash(redis, keys.skipped(group))),
  ]);
  if (live.generation === MOVED) throw new LogMovedError();
  const state = stateKeys(keys, Number(live.generation ?? FIRST), documentStoreName(live.documents));
  const rules = await legible(state.rules(), async () =>
    parseRules(await readWholeHash(redis, state.rules())),
  );
  const includes = inclusion(live, Object.keys(skipped));
  const isAnySkipped = Object.keys(skipped).length > 0;
  return {
    keys: state,
    revision: Number(live.revision ?? 0),
    rules,
    crowded: 0,
    includes,
    isRetried: id => isAnySkipped && skipped[formatEventId(id)] !== undefined,
  };
}

/** @throws PartitionHarmedError instead of whatever says that the key is not what it should be */
async function legible<T>(key: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (isRedisUnavailable(error)) throw error;
    throw new PartitionHarmedError(key, (error as Error).message);
  }
}

/** What the fields of what is live look like; others are not read here. */
const FIELDS: readonly (readonly [name: RegExp, value: RegExp])[] = [
  [/^generation$/, new RegExp(`^([1-9]\\d*|${MOVED})$`)],
  [/^revision$/, /^\d+$/],
  [/^barrier$/, /^\d+-\d+ \d+ \S+$/],
  [/^base(:|$)/, /^\d+-\d+$/],
];

/** @throws Error that names the first field that Questlog has not written */
function checked(live: Record<string, string>): Record<string, string> {
  for (const [name, value] of Object.entries(live)) {
    const rule = FIELDS.find(([names]) => names.test(name));
    if (rule && !rule[1].test(value))
      throw new Error(`its field ${name} is ${JSON.stringify(value.slice(0, 80))}`);
  }
  return live;
}

/**
 * Tells which events are in a generation because it was built from them.
 *
 * @param live what is live of a group: `base` is the last event in the generation, `base:<board>` in a board's
 * @param skipped ids of events that are in no generation
 */
export function inclusion(
  live: Readonly<Record<string, string>>,
  skipped: readonly string[],
): View<unknown>['includes'] {
  const left = new Set(skipped);
  const bases = new Map<string, EventId>();
  for (const [field, id] of Object.entries(live))
    if (field.startsWith('base')) bases.set(field, parseEventId(id));
  if (bases.size === 0) return () => false;
  const isUpTo = (id: EventId, end: EventId | undefined) =>
    end !== undefined && compareEventIds(id, end) <= 0;
  const whole = bases.get('base');
  const isAnyBoard = bases.size > (whole ? 1 : 0);
  return (id, board) =>
    (isUpTo(id, whole) || (board !== undefined && isAnyBoard && isUpTo(id, bases.get(`base:${board}`)))) &&
    !(left.size > 0 && left.has(formatEventId(id)));
}
