import type { Topology } from '#libs/event-log';
import { nodesOf, type RedisClient, Script } from '#libs/redis';
import type { Projection } from '../projection.js';

type Generations = [live: number, begun: number, building: number];

const generations = new Script<Generations>('generations');

/**
 * Deletes the generations of a projection that are neither live nor being built.
 *
 * Walks through all keys of each server once, some hundred thousand a second; nobody waits for it.
 */
export async function sweep(
  redis: RedisClient,
  topology: Topology,
  { name, stream, kinds }: Pick<Projection<never>, 'name' | 'stream' | 'kinds'>,
): Promise<void> {
  const known = await Promise.all(
    topology.all(stream).map(keys => generations.run(redis, [keys.live(name), keys.build(name)], [])),
  );
  // Only generations that had been begun by now: a later one is somebody's.
  const isLeft = (partition: number, generation: number): boolean => {
    const [live, begun, building] = known[partition] ?? [0, 0, 0];
    return generation <= begun && generation !== live && generation !== building;
  };
  const pattern = new RegExp(`\\{${stream[0]}(\\d+)\\}:(?:${kinds.join('|')})@(\\d+)(?::|$)`);
  const all = `${topology.prefix}:{${stream[0]}*}:*@*`;
  for (const node of nodesOf(redis)) {
    let cursor = '0';
    do {
      const [next, keys] = await node.scan(cursor, 'MATCH', all, 'COUNT', 1_000);
      const left = keys.filter(key => {
        const [, partition, generation] = pattern.exec(key) ?? [];
        return generation !== undefined && isLeft(Number(partition), Number(generation));
      });
      await Promise.all(left.map(key => redis.unlink(key)));
      cursor = next;
    } while (cursor !== '0');
  }
}
