import { type PartitionKeys, shardsOf, type Topology } from '#libs/event-log';
import {
  type BoardDefinition,
  DEFAULT_DEFINITION,
  type EventId,
  formatEventId,
  parseEventId,
  readDefinition,
} from '#libs/events';
import type { RedisClient } from '#libs/redis';

/** What a board is by the log's last word. */
export interface DefinedBoard {
  /** The event that said so; nothing when nobody ever did. */
  readonly by?: EventId;
  /** The event that defined it first since it was removed, if it ever was; of boards with shards, in their own partition. */
  readonly born?: EventId;
  readonly definition: BoardDefinition;
}

/** What stands beside the log for a board that has scores, and is not defined. */
export const SCORED = ' scored';

/**
 * As the append script keeps it beside the log: event id, source or `-`, the definition as JSON, and for a board with
 * shards in its own partition the event that it was born by. A text that begins with a space says that the board has
 * scores, and is not defined.
 *
 * @param text empty when there is nothing
 */
export function parseDefinedBoard(text: string): DefinedBoard {
  if (text === '' || text.startsWith(' ')) return { definition: DEFAULT_DEFINITION };
  const [by = '', source = ''] = text.split(' ', 2);
  const end = text.lastIndexOf('}') + 1;
  const json = text.slice(by.length + source.length + 2, end);
  const born = text.slice(end + 1);
  return {
    by: parseEventId(by),
    ...(born !== '' && { born: parseEventId(born) }),
    definition: readDefinition(JSON.parse(json)),
  };
}

/** Names the definition that something was judged by, for the log to hold it against its own. */
export function definedBy({ by }: DefinedBoard): string {
  return by ? formatEventId(by) : '';
}

/** Reads what a board is from its own partition. */
export async function readDefined(
  redis: RedisClient,
  topology: Topology,
  board: string,
): Promise<DefinedBoard> {
  return parseDefinedBoard((await redis.hget(topology.of('scores', board).definitions(), board)) ?? '');
}

/** Where a board's entries are: in the partitions of the scores that it counts. */
export async function partitionsOf(
  redis: RedisClient,
  topology: Topology,
  board: string,
): Promise<PartitionKeys[]> {
  const { source, shards } = (await readDefined(redis, topology, board)).definition;
  if (source === undefined) return shardsOf(topology, board, shards);
  return shardsOf(topology, source, (await readDefined(redis, topology, source)).definition.shards);
}
