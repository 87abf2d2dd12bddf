import { crc32 } from 'node:zlib';

import { type EventType, eventDefinitionOf, type NewEvent } from '#libs/events';
import type { PartitionKeys } from './partition-keys.js';

import type { Topology } from './topology.js';

/** What decides where an event goes. */
type Routed<T extends EventType> = Pick<NewEvent<T>, 'type' | 'data'>;

/**
 * Where an event is appended first, or alone. Of a board that is spread over shards, what concerns one player is where
 * the player's shard is; what concerns the board is in its own partition, which has the first of its shards.
 *
 * @param shards as the definition has it that holds for the event's board
 * @throws RangeError for an event that every partition gets
 */
export function partitionFor<T extends EventType>(
  topology: Topology,
  { type, data }: Routed<T>,
  shards = 1,
): PartitionKeys {
  const { stream, subject, inEveryPartition } = eventDefinitionOf(type);
  if (inEveryPartition) throw new RangeError(`${type} is for every partition: append it alone`);
  return shards > 1 && 'board' in data && 'player' in data
    ? shardOf(topology, data.board, data.player, shards)
    : topology.of(stream, subject(data));
}

/** The partition that has a player's entry on a board. */
export function shardOf(topology: Topology, board: string, player: string, shards = 1): PartitionKeys {
  return shardAt(topology, board, shards > 1 ? crc32(player) % shards : 0);
}

/** The partitions that have shards of a board, its own first. With fewer partitions than shards, some have several. */
export function shardsOf(topology: Topology, board: string, shards = 1): PartitionKeys[] {
  const places = Math.min(shards, topology.counts.scores);
  return Array.from({ length: places }, (_, shard) => shardAt(topology, board, shard));
}

function shardAt(topology: Topology, board: string, shard: number): PartitionKeys {
  const { partition } = topology.of('scores', board);
  return topology.at('scores', (partition + shard) % topology.counts.scores);
}
