import { loadLogConfig } from '#libs/config';
import { EventLog, Topology } from '#libs/event-log';
import { Logger } from '#libs/observability';
import { connectTo, openLog, RedisAccessError } from '#libs/service';
import { eventually, RedisCluster, SERVER } from '#libs/testing';
import { isRedisUnavailable } from '../errors.js';
import { ServerUnfitError } from '../server-check.js';
import { createClient, nodeOf, nodesOf, type RedisClient } from './client.js';

const SILENT = Logger.create({ name: 'test', level: 'silent', json: true });

describe('the client of a Redis Cluster', () => {
  let cluster: RedisCluster;
  let redis: RedisClient;
  beforeAll(async () => {
    cluster = await RedisCluster.start();
    redis = createClient(cluster.address, 'cluster.spec');
    await connectTo(redis, cluster.address, () => {});
  }, 60_000);
  afterAll(async () => {
    redis.disconnect();
    await cluster.stop();
  });

  /** The number of GET commands that each node has received so far. */
  const reads = async () => {
    const stats = await Promise.all(nodesOf(redis).map(node => node.info('commandstats')));
    return stats.map(text => Number(/^cmdstat_get:calls=(\d+)/m.exec(text)?.[1] ?? 0));
  };

  it('sends commands of one event loop turn to all nodes', async () => {
    const keys = Array.from({ length: 300 }, (_, n) => `key-${n}`);
    await Promise.all(keys.map(key => redis.set(key, `of ${key}`)));
    const before = await reads();
    expect(await Promise.all(keys.map(key => redis.get(key)))).toEqual(keys.map(key => `of ${key}`));
    const shares = (await reads()).map((count, n) => count - (before[n] ?? 0));
    expect(shares).toHaveLength(3);
    expect(shares.every(share => share > 50)).toBe(true);
    expect(shares.reduce((sum, share) => sum + share, 0)).toBe(keys.length);
  });

  it('appends events while a partition moves to another node, or reports that it is temporarily unavailable', async () => {
    const topology = await Topology.open(redis, 'moving', { scores: 4, players: 1 });
    const log = new EventLog(redis, topology);
    const errors: unknown[] = [];
    let accepted = 0;
    let stopped = false;
    const write = async (board: string) => {
      for (let n = 0; !stopped; n++) {
        const data = { board, player: `${board}-${n}`, score: n };
        await log.append({ type: 'ScoreSubmitted', data, actor: SERVER }).then(
          () => (accepted += 1),
          error => errors.push(error),
        );
      }
    };
    const writing = Array.from({ length: 12 }, (_, n) => write(`board-${n}`));
    await eventually(() => expect(accepted).toBeGreaterThan(200));
    await move(topology.at('scores', 0).stream);
    const before = accepted;
    await eventually(() => expect(accepted).toBeGreaterThan(before + 500));
    stopped = true;
    await Promise.all(writing);
    const lengths = await Promise.all(topology.all('scores').map(({ stream }) => redis.xlen(stream)));
    expect(lengths.reduce((sum, length) => sum + length, 0)).toBe(accepted);
    expect(errors.filter(error => !isRedisUnavailable(error))).toEqual([]);
  });

  it('cannot be opened as a single server', async () => {
    const [node = ''] = cluster.address.nodes;
    const environment = loadLogConfig({ REDIS_URL: `redis://${node}`, KEY_PREFIX: 'single' });
    const opened = openLog(environment, 'test', SILENT);
    await expect(opened).rejects.toBeInstanceOf(ServerUnfitError);
    await expect(opened).rejects.toThrow('REDIS_CLUSTER_NODES');
  });

  it('reports that a slot without a node cannot be served', async () => {
    const slot = Number(await redis.call('CLUSTER', 'KEYSLOT', 'nowhere'));
    await atEachNode(node => node.call('CLUSTER', 'DELSLOTS', slot));
    const client = createClient(cluster.address, 'test');
    await connectTo(client, cluster.address, () => {});
    const error = await client.get('nowhere').then(
      () => undefined,
      reason => reason,
    );
    client.disconnect();
    expect(error).toMatchObject({ message: expect.stringContaining('CLUSTERDOWN') });
    expect(isRedisUnavailable(error)).toBe(true);
  });

  it('uses the password of the nodes', async () => {
    await atEachNode(node => node.config('SET', 'requirepass', 'hunter2', 'masterauth', 'hunter2'));
    const enter = async (password: string) => {
      const address = { ...cluster.address, password };
      const client = createClient(address, 'test');
      await connectTo(client, address, () => {}).finally(() => client.disconnect());
    };
    await expect(enter('hunter2')).resolves.toBeUndefined();
    await expect(enter('wrong')).rejects.toBeInstanceOf(RedisAccessError);
  });

  async function atEachNode(task: (node: RedisClient) => Promise<unknown>): Promise<void> {
    for (const name of cluster.address.nodes) {
      const node = createClient(`redis://${name}`, 'test');
      await node.connect();
      await task(node).finally(() => node.disconnect());
    }
  }

  /** Moves the slot of a key, with all its keys, to another node. */
  async function move(key: string): Promise<void> {
    const slot = Number(await redis.call('CLUSTER', 'KEYSLOT', key));
    const from = nodeOf(redis, key);
    const to = nodesOf(redis).find(node => node !== from) as RedisClient;
    const [source, target] = [await from.call('CLUSTER', 'MYID'), await to.call('CLUSTER', 'MYID')].map(
      String,
    );
    const { host, port } = to.options as { host: string; port: number };
    await to.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', source as string);
    await from.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', target as string);
    for (;;) {
      const keys = (await from.call('CLUSTER', 'GETKEYSINSLOT', slot, 100)) as string[];
      if (keys.length === 0) break;
      await from.call('MIGRATE', host, port, '', 0, 5_000, 'KEYS', ...keys);
    }
    for (const node of [to, from]) await node.call('CLUSTER', 'SETSLOT', slot, 'NODE', target as string);
  }
});
