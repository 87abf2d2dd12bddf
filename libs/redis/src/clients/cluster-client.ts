import { Cluster, Command, type Redis, type RedisOptions } from 'ioredis';
import { type ClusterAddress, parseHostAndPort } from '../address.js';
import { NoMasterError } from '../errors.js';
import { watchSilence } from './connection-watch.js';

/** Milliseconds between two looks at which node has which slots; a redirection is one more reason to look. */
const REFRESH = 2_000;
const SLOTS = 16_384;

export type ConnectionOptions = Omit<RedisOptions, 'replyMapping'>;

type SendCommand = Parameters<Cluster['sendCommand']>;

/** What a node answers that has not the slot or is a replica by now, and what becomes of a node that answers nothing. */
const IS_ELSEWHERE =
  /^(MOVED |Command timed out|READONLY|MASTERDOWN|LOADING|UNBLOCKED|CLUSTERDOWN|NOREPLICAS)/;

/**
 * The client of a Redis Cluster, which fails as fast as that of one server.
 *
 * Of all that ioredis would send again by itself, it sends again only what a node refused to execute because another
 * has the slot (MOVED, ASK), or will have it (TRYAGAIN). A lost connection and CLUSTERDOWN are told to the caller.
 */
export class ClusterClient extends Cluster {
  /** @param each what all connections to nodes have in common */
  constructor({ nodes, username, password, tls }: ClusterAddress, each: ConnectionOptions) {
    const { enableAutoPipelining, lazyConnect, retryStrategy, enableOfflineQueue, ...redisOptions } = each;
    const { autoPipeliningIgnoredCommands = [] } = redisOptions;
    super(nodes.map(parseHostAndPort), {
      lazyConnect: true,
      enableAutoPipelining: true,
      autoPipeliningIgnoredCommands,
      enableOfflineQueue: false,
      clusterRetryStrategy: attempt => Math.min(50 * attempt, 1_000),
      retryDelayOnFailover: 0,
      retryDelayOnClusterDown: 0,
      maxRedirections: 4,
      slotsRefreshInterval: REFRESH,
      // Certificates are of names: nodes are connected to by what they are called.
      dnsLookup: (host, callback) => callback(null, host),
      redisOptions: {
        ...redisOptions,
        ...(username !== undefined && { username }),
        ...(password !== undefined && { password }),
        ...(tls && { tls: {} }),
      },
    });
    // The node may have been replaced.
    this.on('-node', () => this.lookAgain());
    this.on('+node', watchSilence);
    this.on('refresh', () => this.fillGaps());
  }

  /** Connects to all masters: ioredis rejects what meets a connection in the making. */
  override async connect(): Promise<void> {
    await super.connect();
    await Promise.allSettled(this.nodes('master').map(node => node.ping()));
  }

  /**
   * The connection to the node that has a key.
   *
   * @throws NoMasterError
   */
  nodeOf(key: string): Redis {
    const slot = slotOf(key);
    const name = this.slots[slot]?.[0];
    const node = this.nodes('master').find(({ options: { host, port } }) => `${host}:${port}` === name);
    if (!node) {
      this.lookAgain();
      throw new NoMasterError(slot);
    }
    return node;
  }

  /** Names the nodes that have a key: the master and its replicas. */
  placeOf(key: string): string {
    return this.slots[slotOf(key)]?.join() ?? '';
  }

  /** Of a pipeline, ioredis follows redirections only when all its commands get the same one: the others fail. */
  override sendCommand(command: SendCommand[0], stream: SendCommand[1], node: SendCommand[2]): unknown {
    if (node) command.promise.catch((error: Error) => IS_ELSEWHERE.test(error.message) && this.lookAgain());
    return super.sendCommand(command, stream, node);
  }

  /** Automatic pipelines take for granted that each slot has nodes. Without, any node says that nobody has the slot. */
  private fillGaps(): void {
    for (let slot = 0; slot < SLOTS; slot++) this.slots[slot] ??= [];
  }

  private lookAgain(): void {
    if (this.status === 'ready') this.refreshSlotsCache(() => {});
  }
}

export function slotOf(key: string): number {
  return new Command('get', [key]).getSlot() as number;
}
