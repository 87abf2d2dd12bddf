import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedRedis, freePort } from '#libs/embedded-redis';
import { type ClusterAddress, createClient, nodesOf, type RedisClient } from '#libs/redis';
import { eventually } from '../eventually.js';

const SLOTS = 16_384;
/** Milliseconds in which the nodes have found each other. */
const START = 30_000;

export interface RedisClusterOptions {
  /** Milliseconds of silence after which a node counts as dead. */
  readonly nodeTimeout?: number;
  /** Further lines of every node's configuration. */
  readonly settings?: readonly string[];
  /** Whether each master has one. Without, half as many nodes take the CPU. */
  readonly replicas?: boolean;
}

/** A node as CLUSTER NODES tells of it. */
export interface ClusterNodeState {
  readonly id: string;
  readonly port: number;
  readonly isMaster: boolean;
  readonly isFailed: boolean;
  /** Of its slots, the first and the last of each range. */
  readonly slots: readonly (readonly [number, number])[];
}

interface Node {
  readonly port: number;
  /** The port on which the nodes talk to each other. */
  readonly bus: number;
  server: EmbeddedRedis;
  start(): Promise<EmbeddedRedis>;
}

/** A Redis Cluster on loopback: three masters, each with a replica unless told otherwise. */
export class RedisCluster {
  private constructor(
    private readonly folder: string,
    private readonly nodes: readonly Node[],
  ) {}

  static async start({
    nodeTimeout = 5_000,
    settings = [],
    replicas = true,
  }: RedisClusterOptions = {}): Promise<RedisCluster> {
    const folder = mkdtempSync(join(tmpdir(), 'questlog-cluster-'));
    const nodes: Node[] = [];
    for (let n = 0; n < (replicas ? 6 : 3); n++) {
      const [port, bus] = [await freePort(), await freePort()];
      const clustered = [
        'cluster-enabled yes',
        `cluster-port ${bus}`,
        `cluster-node-timeout ${nodeTimeout}`,
        // Where a master is away, the others go on.
        'cluster-require-full-coverage no',
        'repl-diskless-sync-delay 0',
        'appendfsync everysec',
      ];
      const start = () =>
        EmbeddedRedis.start({
          folder: join(folder, String(n)),
          port,
          extraSettings: [...clustered, ...settings],
        });
      nodes.push({ port, bus, start, server: await start() });
    }
    const cluster = new RedisCluster(folder, nodes);
    await cluster.join();
    return cluster;
  }

  get address(): ClusterAddress {
    return { nodes: this.nodes.map(({ port }) => `127.0.0.1:${port}`) };
  }

  /** As a process of Questlog is told of it. */
  get environment(): { REDIS_CLUSTER_NODES: string } {
    return { REDIS_CLUSTER_NODES: this.address.nodes.join(',') };
  }

  /** What a node says of all. @param port of one that is alive */
  async states(port: number): Promise<ClusterNodeState[]> {
    return withServer(port, async redis => parseNodes((await redis.call('CLUSTER', 'NODES')) as string));
  }

  /** Keeps a master's replica from hearing anything more of it, until the master is started again. */
  async cutOff(port: number): Promise<void> {
    await withServer(port, async redis => {
      await redis.call('ACL', 'SETUSER', 'default', '-psync', '-sync');
      await redis.call('CLIENT', 'KILL', 'TYPE', 'replica');
    });
  }

  /** Kills the node, as a machine that loses its power. */
  async kill(port: number): Promise<void> {
    process.kill(await this.pidAt(port), 'SIGKILL');
    await this.nodeAt(port).server.waitForExit();
  }

  /** Lets the node neither answer nor refuse, until what this returns is called. */
  async freeze(port: number): Promise<() => void> {
    const pid = await this.pidAt(port);
    process.kill(pid, 'SIGSTOP');
    return () => process.kill(pid, 'SIGCONT');
  }

  /** Starts a node again that was killed: it is a replica of who has its slots now. */
  async revive(port: number): Promise<void> {
    const node = this.nodeAt(port);
    node.server = await node.start();
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map(({ server }) => server.stop()));
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async pidAt(port: number): Promise<number> {
    return withServer(port, async redis =>
      Number(/^process_id:(\d+)/m.exec(await redis.info('server'))?.[1]),
    );
  }

  private nodeAt(port: number): Node {
    const node = this.nodes.find(one => one.port === port);
    if (!node) throw new RangeError(`there is no node at port ${port}`);
    return node;
  }

  private async join(): Promise<void> {
    const clients = this.nodes.map(({ port }) => createClient(`redis://127.0.0.1:${port}`, 'cluster'));
    try {
      await Promise.all(clients.map(client => client.connect()));
      await this.meet(clients);
      const [masters, replicas] = [clients.slice(0, 3), clients.slice(3)];
      for (const [n, master] of masters.entries()) {
        const [from, until] = [Math.floor((n * SLOTS) / 3), Math.floor(((n + 1) * SLOTS) / 3)];
        await master.call('CLUSTER', 'ADDSLOTSRANGE', from, until - 1);
        await replicas[n]?.call('CLUSTER', 'REPLICATE', String(await master.call('CLUSTER', 'MYID')));
      }
      await this.untilAllSay(
        clients,
        text => parseNodes(text).filter(({ isMaster }) => isMaster).length === 3,
      );
      for (const replica of replicas)
        await untilItSays('master_link_status:up', () => replica.info('replication'));
      // A node says that all is well before it knows of all slots.
      for (const client of clients)
        for (const line of ['cluster_state:ok', `cluster_slots_assigned:${SLOTS}`])
          await untilItSays(line, () => client.call('CLUSTER', 'INFO'));
    } finally {
      for (const client of clients) client.disconnect();
    }
  }

  private async meet(clients: readonly RedisClient[]): Promise<void> {
    for (const [n, client] of clients.entries()) await client.call('CLUSTER', 'SET-CONFIG-EPOCH', n + 1);
    for (const { port, bus } of this.nodes.slice(1))
      await clients[0]?.call('CLUSTER', 'MEET', '127.0.0.1', port, bus);
    await this.untilAllSay(clients, text => parseNodes(text).length === this.nodes.length);
  }

  private async untilAllSay(nodes: readonly RedisClient[], isSo: (text: string) => boolean): Promise<void> {
    await eventually(async () => {
      for (const node of nodes) {
        const text = (await node.call('CLUSTER', 'NODES')) as string;
        if (!isSo(text)) throw new Error(`the nodes do not know each other yet:\n${text}`);
      }
    }, START);
  }
}

/** All keys of a server, or of a cluster, that are like a pattern. */
export async function keysLike(redis: RedisClient, pattern: string): Promise<string[]> {
  return (await Promise.all(nodesOf(redis).map(node => node.keys(pattern)))).flat();
}

function untilItSays(line: string, ask: () => Promise<unknown>): Promise<void> {
  return eventually(async () => {
    const text = String(await ask());
    if (!text.includes(line)) throw new Error(`no ${line} in:\n${text}`);
  }, START);
}

async function withServer<T>(port: number, look: (redis: RedisClient) => Promise<T>): Promise<T> {
  const redis = createClient(`redis://127.0.0.1:${port}`, 'cluster');
  try {
    await redis.connect();
    return await look(redis);
  } finally {
    redis.disconnect();
  }
}

function parseNodes(text: string): ClusterNodeState[] {
  return text
    .trim()
    .split('\n')
    .map(line => {
      const [id = '', address = '', flags = '', , , , , , ...slots] = line.split(' ');
      return {
        id,
        port: Number(/:(\d+)@/.exec(address)?.[1]),
        isMaster: flags.includes('master'),
        isFailed: /\bfail\b/.test(flags),
        slots: slots
          .filter(range => !range.startsWith('['))
          .map(range => {
            const [from, to = from] = range.split('-').map(Number);
            return [from ?? 0, to ?? 0] as const;
          }),
      };
    });
}
