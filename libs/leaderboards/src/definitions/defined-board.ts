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

/** The latest definition of a board in the log. It can be newer than what projections have applied. */
export interface DefinedBoard {
  /** The event that defined the board; undefined if it was never defined. */
  readonly definedBy?: EventId;
  /** The first definition since the board was last removed. Only for boards with shards, in their home partition. */
  readonly createdBy?: EventId;
  readonly definition: BoardDefinition;
}

/** The stored text of a board that has scores and no definition. */
export const SCORED_BOARD = ' scored';

/**
 * Parses a definition as the append script stores it: event id, source or `-`, the definition as JSON, and, for a board
 * with shards in its home partition, the event that created it. A text that begins with a space means that the board has
 * scores and no definition.
 *
 * @param text empty if the board has neither scores nor a definition
 */
export function parseDefinedBoard(text: string): DefinedBoard {
  if (text === '' || text.startsWith(' ')) return { definition: DEFAULT_DEFINITION };
  const [by = '', source = ''] = text.split(' ', 2);
  const end = text.lastIndexOf('}') + 1;
  const json = text.slice(by.length + source.length + 2, end);
  const born = text.slice(end + 1);
  return {
    definedBy: parseEventId(by),
    ...(born !== '' && { createdBy: parseEventId(born) }),
    definition: readDefinition(JSON.parse(json)),
  };
}

/** The id of the definition. An append passes it, so that the log can reject the event if the definition has changed. */
export function definitionIdOf({ definedBy }: DefinedBoard): string {
  return definedBy ? formatEventId(definedBy) : '';
}

/** Reads the definition of a board from its home partition. */
export async function readDefinedBoard(
  redis: RedisClient,
  topology: Topology,
  board: string,
): Promise<DefinedBoard> {
  return parseDefinedBoard((await redis.hget(topology.of('scores', board).definitions(), board)) ?? '');
}

/** The partitions that have entries of the board: those of the scores that it counts. */
export async function partitionsOf(
  redis: RedisClient,
  topology: Topology,
  board: string,
): Promise<PartitionKeys[]> {
  const { source, shards } = (await readDefinedBoard(redis, topology, board)).definition;
  if (source === undefined) return shardsOf(topology, board, shards);
  return shardsOf(topology, source, (await readDefinedBoard(redis, topology, source)).definition.shards);
}
