import { parsePartitionKey, partitionKeysLike, type Topology } from '#libs/event-log';
import type { Projection } from '#libs/projections';
import { nodesOf, type RedisClient } from '#libs/redis';
import { buildKey } from '../keys.js';
import { script } from '../lua.js';

type Generations = [live: number, begun: number, building: number];

const generations = script<Generations>('generations');

/**
 * Deletes the generations of a projection that are neither live nor being built.
 *
 * Scans all keys of each server once, some hundred thousand per second. Nothing waits for it.
 */
export async function sweep(
  redis: RedisClient,
  topology: Topology,
  { name, stream, kinds }: Pick<Projection<never>, 'name' | 'stream' | 'kinds'>,
): Promise<void> {
  const epoch = topology.epochs[stream];
  const known = await Promise.all(
    topology.all(stream).map(keys => generations.run(redis, [keys.live(name), buildKey(keys, name)], [])),
  );
  // Only generations that exist now: a later one may belong to a running build.
  const isLeft = (partition: number, generation: number): boolean => {
    const [live, begun, building] = known[partition] ?? [0, 0, 0];
    return generation <= begun && generation !== live && generation !== building;
  };
  const pattern = new RegExp(`^(?:${kinds.join('|')})@(\\d+)(?::|$)`);
  const all = partitionKeysLike(topology.prefix, stream, '*@*');
  for (const node of nodesOf(redis)) {
    let cursor = '0';
    do {
      const [next, keys] = await node.scan(cursor, 'MATCH', all, 'COUNT', 1_000);
      const left = keys.filter(key => {
        const name = parsePartitionKey(topology.prefix, key);
        const [, generation] = (name?.epoch === epoch && pattern.exec(name.rest)) || [];
        return name !== undefined && generation !== undefined && isLeft(name.partition, Number(generation));
      });
      await Promise.all(left.map(key => redis.unlink(key)));
      cursor = next;
    } while (cursor !== '0');
  }
}
