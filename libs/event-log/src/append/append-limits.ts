import { eventDefinitionOf, type NewEvent } from '#libs/events';
import { isRedisUnavailable, type RedisClient } from '#libs/redis';
import { script } from '../lua.js';
import type { PartitionKeys } from '../partitions/partition-keys.js';
import type { Appended, AppendOptions } from './append-types.js';

/** Bytes that an event takes in Redis besides its text: its entry, and its line in the history of a save. */
const ENTRY_BYTES = 150;
/** Bytes of an idempotency record. */
const RECORD_BYTES = 250;
/** Bytes of documents that one call reads: a few milliseconds, in which Redis does nothing else. */
const MAX_COUNTED_BYTES = 2 * 1024 * 1024;

const countUsage = script<0 | 1>('count-usage');

/** Bytes that a player may have appended in an hour. */
export interface LogBudget {
  /** @throws when it is spent */
  spend(player: string, bytes: number): Promise<void> | void;
  /** Of what was spent and then not appended. */
  giveBack(player: string, bytes: number): void;
}

/** What players may append for themselves. Keys are trusted: theirs is counted, and never refused. */
export interface AppendLimits {
  /** Slots that a player may ever have used. */
  readonly slots?: number | undefined;
  /** Bytes of all saves of a player together, as they are now. */
  readonly saveBytes?: number | undefined;
  readonly budget?: LogBudget | undefined;
}

/** Erasing oneself is a right, and frees more than it takes. */
const isLimited = ({ type, actor }: NewEvent) => actor.kind === 'player' && type !== 'PlayerErased';

/** The limits that the append script judges. */
export function limitsOf(event: NewEvent, { slots, saveBytes }: AppendLimits): AppendOptions {
  if (event.type !== 'SaveWritten' || !isLimited(event)) return {};
  return {
    ...(slots !== undefined && { slots }),
    ...(saveBytes !== undefined && { saveBytes }),
  };
}

/** What an event costs the budget; nothing when it need not be paid for. */
export function costOf(event: NewEvent, { replayOnly }: AppendOptions): number {
  if (replayOnly || !isLimited(event)) return 0;
  const { document, pack } = eventDefinitionOf(event.type);
  const text = JSON.stringify(pack(event.data));
  const record = event.idempotencyKey === undefined ? 0 : RECORD_BYTES + event.idempotencyKey.length;
  return ENTRY_BYTES + record + Buffer.byteLength(text) + Buffer.byteLength(document?.(event.data) ?? '');
}

/** Whether nothing was appended: then it cost nothing. Of what nobody knows, the bytes may be in the log. */
export const isRefunded = (outcome: Appended | Error) =>
  outcome instanceof Error ? !isRedisUnavailable(outcome) : outcome.replayed;

/** Counts a player's saves where nobody has, a part at a time. */
export async function countSaves(redis: RedisClient, keys: PartitionKeys, player: string): Promise<void> {
  const names = [keys.stream, keys.versions(player)];
  while ((await countUsage.run(redis, names, [MAX_COUNTED_BYTES])) === 0);
}
