import {
  type BoardDefinition,
  DEFAULT_DEFINITION,
  type EventId,
  formatEventId,
  parseEventId,
  readDefinition,
} from '#libs/events';
import type { PartitionKeys, RedisClient } from '#libs/redis';
import type { Topology } from './topology.js';

/** What a board is by the log's last word. */
export interface DefinedBoard {
  /** The event that said so; nothing when nobody ever did. */
  readonly by?: EventId;
  readonly definition: BoardDefinition;
}

/**
 * As the append script keeps it beside the log: event id, source or `-`, and the definition as JSON.
 *
 * @param text empty when there is no definition
 */
export function parseDefinedBoard(text: string): DefinedBoard {
  if (text === '') return { definition: DEFAULT_DEFINITION };
  const [by = '', source = ''] = text.split(' ', 2);
  const json = text.slice(by.length + source.length + 2);
  return { by: parseEventId(by), definition: readDefinition(JSON.parse(json)) };
}

/** A definition as the append script keeps it, behind the event id. */
export function definitionText(definition: BoardDefinition): string {
  return `${definition.source ?? '-'} ${JSON.stringify(definition)}`;
}

/** Names the definition that something was judged by, for the log to hold it against its own. */
export function definedBy({ by }: DefinedBoard): string {
  return by ? formatEventId(by) : '';
}

/** Where a board's entries are: in the partition of the scores that it counts. */
export async function partitionOf(
  redis: RedisClient,
  topology: Topology,
  board: string,
): Promise<PartitionKeys> {
  const home = topology.of('scores', board);
  const text = (await redis.hget(home.definitions(), board)) ?? '';
  const { source } = parseDefinedBoard(text).definition;
  return source === undefined ? home : topology.of('scores', source);
}
