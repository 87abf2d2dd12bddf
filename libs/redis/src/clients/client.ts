import type { EventEmitter } from 'node:events';
import { type ClusterStatus, Redis, type RedisCommander, type RedisStatus } from 'ioredis';
import { parseHostAndPort, type RedisAddress, type SentinelAddress, type ServerAddress } from '../address.js';
import { setConnectionFault } from '../trouble.js';
import { ClusterClient, type ConnectionOptions, slotOf } from './cluster-client.js';
import { ConnectionWatch } from './connection-watch.js';
import { SentinelClient } from './sentinel-client.js';

/** What a connection to one server and the connections to a cluster have in common. */
export interface RedisClient
  extends RedisCommander<{ type: 'default'; mapping: 'resp2' }>,
    Pick<EventEmitter, 'on' | 'off' | 'emit'> {
  readonly status: RedisStatus | ClusterStatus;
  /** Those of one server name its database. */
  readonly options: object;
  readonly pipeline: Redis['pipeline'];
  connect(): Promise<void>;
  disconnect(): void;
}

/** Milliseconds after which a command to a silent server fails. */
const COMMAND_TIMEOUT = 1_500;

export interface ClientOptions {
  /** Scripts are sent when they are run, and not at the end of the turn: for who goes on working while they run. */
  readonly sendsScriptsAtOnce?: boolean;
}

const reconnect = (attempt: number) => Math.min(50 * attempt, 1_000);

/**
 * A connection for commands, or with a cluster one to each node. Commands of one turn of the event loop travel together.
 *
 * It fails fast and never guesses: without a connection, a command is rejected at once; when the connection
 * breaks, what is under way is rejected and not sent again, since it may have been executed.
 *
 * @param address of one server, it can be the URL alone
 * @returns a client that is not connected yet: call `connect()`
 */
export function createClient(
  address: RedisAddress | string,
  name: string,
  { sendsScriptsAtOnce = false }: ClientOptions = {},
): RedisClient {
  if (typeof address === 'string') return createClient({ url: address }, name, { sendsScriptsAtOnce });
  const options: ConnectionOptions = {
    connectionName: name,
    lazyConnect: true,
    enableAutoPipelining: true,
    autoPipeliningIgnoredCommands: sendsScriptsAtOnce ? ['evalsha'] : [],
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    commandTimeout: COMMAND_TIMEOUT,
    connectTimeout: 2_000,
    retryStrategy: reconnect,
  };
  if ('nodes' in address) return quiet(new ClusterClient(address, options));
  const watch = new ConnectionWatch();
  const watched = { ...options, reconnectOnError: watch.reconnectOnError };
  const client =
    'sentinels' in address
      ? new SentinelClient({ ...watched, ...chosenBySentinels(address) })
      : // Without the ready check, a server that is loading says so itself, in its answer to each command.
        new Redis(address.url, { ...watched, ...accessOf(address), enableReadyCheck: false });
  watch.attach(client);
  return quiet(client);
}

/**
 * A connection of its own for commands that block, to the server that has a key now. When that is another one later,
 * the connection fails, and another must be created.
 *
 * @param silence milliseconds without an answer after which the connection counts as dead
 * @throws NoMasterError
 */
export function createBlockingClient(
  client: RedisClient,
  key: string,
  name: string,
  silence: number,
): RedisClient {
  return quiet(
    serverOf(client, key).duplicate({
      connectionName: name,
      lazyConnect: true,
      enableAutoPipelining: false,
      enableOfflineQueue: false,
      commandTimeout: undefined,
      socketTimeout: silence,
      // Whoever blocks has a loop with a back-off of its own.
      retryStrategy: null,
      sentinelRetryStrategy: () => null,
      failoverDetector: false,
    }),
  );
}

/**
 * The connection to the server that has a key, for commands about a server: SCAN, CLIENT.
 *
 * @throws NoMasterError
 */
export function nodeOf(client: RedisClient, key: string): RedisClient {
  return serverOf(client, key);
}

/** The connections to all servers that have keys; with replicas, on demand. */
export function nodesOf(client: RedisClient, role: 'master' | 'all' = 'master'): RedisClient[] {
  return client instanceof ClusterClient ? client.nodes(role) : [client];
}

/** Identifies the server that has a key. Commands for the same server can share a pipeline. */
export function nodeIdOf(client: RedisClient, key: string): string {
  return client instanceof ClusterClient ? client.nodeIdOf(key) : '';
}

/** Keys with the same group can be used by one script: those of one hash slot on a cluster, all keys on a single server. */
export function hashSlotGroup(client: RedisClient, key: string): string {
  return client instanceof ClusterClient ? String(slotOf(key)) : '';
}

/** Sends the commands that `run` issues synchronously in one packet, if they go to a single server. */
export function inOnePacket<T>(client: RedisClient, run: () => T): T {
  // Unset before the first connection.
  const stream: Redis['stream'] | undefined = client instanceof Redis ? client.stream : undefined;
  stream?.cork();
  try {
    return run();
  } finally {
    stream?.uncork();
  }
}

/** Resolves when the server answers; on a cluster, when any node does. */
export async function ping(client: RedisClient): Promise<void> {
  // While a cluster is unreachable, its list of nodes is out of date.
  if (client instanceof ClusterClient && client.status !== 'ready') await client.ping();
  else await Promise.any(nodesOf(client).map(node => node.ping())).catch(firstOf);
}

function firstOf(error: unknown): never {
  throw error instanceof AggregateError ? (error.errors[0] ?? error) : error;
}

function serverOf(client: RedisClient, key: string): Redis {
  if (client instanceof ClusterClient) return client.nodeOf(key);
  if (client instanceof Redis) return client;
  throw new TypeError('not a client that createClient made');
}

function chosenBySentinels(address: SentinelAddress): ConnectionOptions {
  const { sentinels, master, sentinelUsername, sentinelPassword, tls } = address;
  return {
    ...accessOf(address),
    sentinels: sentinels.map(parseHostAndPort),
    name: master,
    ...(sentinelUsername !== undefined && { sentinelUsername }),
    ...(sentinelPassword !== undefined && { sentinelPassword }),
    ...(tls && { enableTLSForSentinelMode: true, sentinelTLS: {} }),
    sentinelCommandTimeout: 1_000,
    sentinelRetryStrategy: reconnect,
    // Which server is the master can change behind a connection that still works.
    failoverDetector: true,
  };
}

function accessOf({ username, password, tls }: ServerAddress | SentinelAddress): ConnectionOptions {
  return {
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls && { tls: {} }),
  };
}

// Every failed command is rejected to its caller; the event beside it would end the process.
function quiet<Client extends RedisClient>(client: Client): Client {
  client.on('error', (error: Error & { lastNodeError?: Error }) => {
    if (client.status !== 'ready') setConnectionFault(client, error.lastNodeError ?? error);
  });
  for (const event of ['ready', 'end']) client.on(event, () => setConnectionFault(client, undefined));
  return client;
}
