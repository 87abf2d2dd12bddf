import { type PartitionKeys, parsePartitionKey, partitionKeysLike } from '#libs/event-log';
import { credentialsKey, failedPlayerLoginsKey, playerSessionsKey } from '#libs/players';
import { nodesOf, type RedisClient } from '#libs/redis';
import { script } from '../lua.js';

const readRecords = script<string[]>('read-records');

const PAGE_KEYS = 1_000;

/** The old and the new partitions of players. */
export interface PlayerPartitions {
  readonly prefix: string;
  readonly from: readonly PartitionKeys[];
  of(player: string): PartitionKeys;
}

/** Copies credentials and sessions, which are stored beside the log and are not events. */
export class Logins {
  constructor(
    private readonly redis: RedisClient,
    private readonly partitions: PlayerPartitions,
  ) {}

  /** Copies everything. Changes in the meantime are recorded in `touched`. @param onPage may throw to stop */
  async copy(onPage: () => Promise<void>): Promise<void> {
    for (const keys of this.partitions.from) await this.copyCredentials(keys, onPage);
    await this.visit('sessions:*', onPage, async (keys, player) => this.copySessions(keys, player));
    await this.visit('failed-logins:*', onPage, async (keys, player) => this.copyFailures(keys, player));
  }

  /** Copies the changes that were recorded since the repartition began. */
  async copyTouched(): Promise<void> {
    await Promise.all(
      this.partitions.from.map(async keys => {
        const players = await this.redis.smembers(keys.touched());
        await Promise.all(players.map(player => this.copyPlayer(keys, player)));
      }),
    );
  }

  private async copyPlayer(keys: PartitionKeys, player: string): Promise<void> {
    const secret = await this.redis.hget(credentialsKey(keys), player);
    const target = credentialsKey(this.partitions.of(player));
    // Secrets that were revoked meanwhile had been copied before.
    if (secret === null) await this.redis.hdel(target, player);
    else await this.redis.hset(target, player, secret);
    await this.copySessions(keys, player);
  }

  private async copyCredentials(keys: PartitionKeys, onPage: () => Promise<void>): Promise<void> {
    let cursor = '0';
    do {
      const [next, flat] = await this.redis.hscan(credentialsKey(keys), cursor, 'COUNT', PAGE_KEYS);
      const places = new Map<string, string[]>();
      for (let i = 0; i + 1 < flat.length; i += 2) {
        const [player = '', secret = ''] = [flat[i], flat[i + 1]];
        const key = credentialsKey(this.partitions.of(player));
        const fields = places.get(key) ?? [];
        places.set(key, fields);
        fields.push(player, secret);
      }
      await Promise.all([...places].map(([key, fields]) => this.redis.hset(key, ...fields)));
      await onPage();
      cursor = next;
    } while (cursor !== '0');
  }

  /** Replaces the list, so it can run again. */
  private async copySessions(keys: PartitionKeys, player: string): Promise<void> {
    const hashes = await this.redis.lrange(playerSessionsKey(keys, player), 0, -1);
    const key = playerSessionsKey(this.partitions.of(player), player);
    await this.redis.unlink(key);
    if (hashes.length > 0) await this.redis.rpush(key, ...hashes);
  }

  private async copyFailures(keys: PartitionKeys, player: string): Promise<void> {
    const [found = ''] = await readRecords.run(this.redis, [failedPlayerLoginsKey(keys, player)], []);
    const [milliseconds = '', count] = found.split(' ');
    if (count === undefined) return;
    await this.redis.set(
      failedPlayerLoginsKey(this.partitions.of(player), player),
      count,
      'PX',
      Math.max(1, Number(milliseconds)),
    );
  }

  /** Visits all keys of one kind, by scanning all keys of each server. */
  private async visit(
    kind: string,
    onPage: () => Promise<void>,
    task: (keys: PartitionKeys, player: string) => Promise<void>,
  ): Promise<void> {
    const { prefix, from } = this.partitions;
    for await (const names of scan(this.redis, partitionKeysLike(prefix, 'players', kind))) {
      await Promise.all(
        names.map(async name => {
          const parsed = parsePartitionKey(prefix, name);
          const keys = parsed && from[parsed.partition];
          if (!keys || parsed.epoch !== keys.epoch) return;
          await task(keys, parsed.rest.slice(kind.length - 1));
        }),
      );
      await onPage();
    }
  }
}

/** Keys that match a pattern, in pages. */
export async function* scan(redis: RedisClient, pattern: string): AsyncGenerator<string[], void> {
  for (const node of nodesOf(redis)) {
    let cursor = '0';
    do {
      const [next, keys] = await node.scan(cursor, 'MATCH', pattern, 'COUNT', PAGE_KEYS);
      if (keys.length > 0) yield keys;
      cursor = next;
    } while (cursor !== '0');
  }
}
