import { Cluster, Command, type Redis, type RedisOptions } from 'ioredis';
import { type ClusterAddress, parseHostAndPort } from '../address.js';
import { NoMasterError } from '../errors.js';
import { watchSilence } from './connection-watch.js';

/** Interval at which the client refreshes which node has which slots. A redirection triggers a refresh, too. */
const SLOTS_REFRESH_MS = 2_000;
const SLOTS = 16_384;

export type ConnectionOptions = Omit<RedisOptions, 'replyMapping'>;

type SendCommand = Parameters<Cluster['sendCommand']>;

/** Errors of a node that no longer has the slot, has become a replica, or does not answer. */
const SLOT_MAY_HAVE_MOVED =
  /^(MOVED |Command timed out|READONLY|MASTERDOWN|LOADING|UNBLOCKED|CLUSTERDOWN|NOREPLICAS)/;

/**
 * The client of a Redis Cluster. It fails as fast as the client of a single server.
 *
 * ioredis would retry many errors by itself. This client retries only commands that a node refused to execute because
 * another node has the slot (MOVED, ASK) or is about to get it (TRYAGAIN). Lost connections and CLUSTERDOWN go to the caller.
 */
export class ClusterClient extends Cluster {
  /** @param each the options of each node's connection */
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
      slotsRefreshInterval: SLOTS_REFRESH_MS,
      // Certificates are issued for names, so nodes are connected to by name.
      dnsLookup: (host, callback) => callback(null, host),
      redisOptions: {
        ...redisOptions,
        ...(username !== undefined && { username }),
        ...(password !== undefined && { password }),
        ...(tls && { tls: {} }),
      },
    });
    // The node may have been replaced.
    this.on('-node', () => this.refreshSoon());
    this.on('+node', watchSilence);
    this.on('refresh', () => this.fillGaps());
  }

  /** Connects to all masters, because ioredis rejects commands while a connection is being made. */
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
      this.refreshSoon();
      throw new NoMasterError(slot);
    }
    return node;
  }

  /** Identifies the nodes that have a key: the master and its replicas. */
  nodeIdOf(key: string): string {
    return this.slots[slotOf(key)]?.join() ?? '';
  }

  /** ioredis follows redirections of a pipeline only if all of its commands get the same one; otherwise the commands fail. */
  override sendCommand(command: SendCommand[0], stream: SendCommand[1], node: SendCommand[2]): unknown {
    if (node)
      command.promise.catch((error: Error) => SLOT_MAY_HAVE_MOVED.test(error.message) && this.refreshSoon());
    return super.sendCommand(command, stream, node);
  }

  /** ioredis's automatic pipelining assumes that each slot has nodes. With an empty list, any node answers that the slot is not served. */
  private fillGaps(): void {
    for (let slot = 0; slot < SLOTS; slot++) this.slots[slot] ??= [];
  }

  private refreshSoon(): void {
    if (this.status === 'ready') this.refreshSlotsCache(() => {});
  }
}

export function slotOf(key: string): number {
  return new Command('get', [key]).getSlot() as number;
}
