import { crc32 } from 'node:zlib';

import { type EventType, eventDefinitionOf, type NewEvent } from '#libs/events';
import type { PartitionKeys } from './partition-keys.js';

import type { Topology } from './topology.js';

/** The parts of an event that decide its partition. */
type Routed<T extends EventType> = Pick<NewEvent<T>, 'type' | 'data'>;

/**
 * The partition to which an event is appended first. On a sharded board, events about a player go to the player's shard, and
 * events about the board go to the board's own partition, which has its first shard.
 *
 * @param shards the number of shards in the current definition of the event's board
 * @throws RangeError for an event that goes to every partition
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

/** The partitions that have shards of a board, its own first. With fewer partitions than shards, some have several shards. */
export function shardsOf(topology: Topology, board: string, shards = 1): PartitionKeys[] {
  const places = Math.min(shards, topology.counts.scores);
  return Array.from({ length: places }, (_, shard) => shardAt(topology, board, shard));
}

function shardAt(topology: Topology, board: string, shard: number): PartitionKeys {
  const { partition } = topology.of('scores', board);
  return topology.at('scores', (partition + shard) % topology.counts.scores);
}
