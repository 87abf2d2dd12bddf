import { eventDefinitionOf, type NewEvent } from '#libs/events';
import { isRedisUnavailable, type RedisClient } from '#libs/redis';
import { script } from '../lua.js';
import type { PartitionKeys } from '../partitions/partition-keys.js';
import type { Appended, AppendOptions } from './append-types.js';

/** Bytes of an event in Redis besides its text: the stream entry, and the line in a save's history. */
const ENTRY_BYTES = 150;
/** Bytes of an idempotency record. */
const RECORD_BYTES = 250;
/** Bytes of documents that one call reads. Redis does nothing else for the few milliseconds that it takes. */
const MAX_COUNTED_BYTES = 2 * 1024 * 1024;

const countUsage = script<0 | 1>('count-usage');

/** The bytes that a player may append per hour. */
export interface LogBudget {
  /** @throws if the budget does not suffice */
  spend(player: string, bytes: number): Promise<void> | void;
  /** Returns bytes that were spent but not appended. */
  giveBack(player: string, bytes: number): void;
}

/** Limits for what players append for themselves. Writes of keys are counted, but never refused. */
export interface AppendLimits {
  /** Maximum slots that a player may ever use. */
  readonly slots?: number | undefined;
  /** Maximum bytes of all current saves of a player together. */
  readonly saveBytes?: number | undefined;
  readonly budget?: LogBudget | undefined;
}

/** Players may always erase themselves; that frees more than it takes. */
const isLimited = ({ type, actor }: NewEvent) => actor.kind === 'player' && type !== 'PlayerErased';

/** The limits that the append script enforces. */
export function limitsOf(event: NewEvent, { slots, saveBytes }: AppendLimits): AppendOptions {
  if (event.type !== 'SaveWritten' || !isLimited(event)) return {};
  return {
    ...(slots !== undefined && { slots }),
    ...(saveBytes !== undefined && { saveBytes }),
  };
}

/** The bytes that an event takes from the budget; 0 if it is exempt. */
export function costOf(event: NewEvent, { replayOnly }: AppendOptions): number {
  if (replayOnly || !isLimited(event)) return 0;
  const { document, pack } = eventDefinitionOf(event.type);
  const text = JSON.stringify(pack(event.data));
  const record = event.idempotencyKey === undefined ? 0 : RECORD_BYTES + event.idempotencyKey.length;
  return ENTRY_BYTES + record + Buffer.byteLength(text) + Buffer.byteLength(document?.(event.data) ?? '');
}

/** Whether the bytes are given back, because nothing was appended. If the outcome is unknown, the event may be in the log. */
export const isRefunded = (outcome: Appended | Error) =>
  outcome instanceof Error ? !isRedisUnavailable(outcome) : outcome.replayed;

/** Counts a player's saves if that has not been done yet, in several calls. */
export async function countSaves(redis: RedisClient, keys: PartitionKeys, player: string): Promise<void> {
  const names = [keys.stream, keys.versions(player)];
  while ((await countUsage.run(redis, names, [MAX_COUNTED_BYTES])) === 0);
}
