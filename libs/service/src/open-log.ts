import type { Environment, GatewayEnvironment } from '#libs/config';
import { Topology } from '#libs/event-log';
import type { Logger } from '#libs/observability';
import { prepareDocuments } from '#libs/projections';
import {
  type ClientOptions,
  createClient,
  inspectServer,
  isFatal,
  nodesOf,
  type RedisClient,
  ServerUnfitError,
  WriteQuorum,
} from '#libs/redis';
import { connectTo } from './connect.js';

export interface OpenLog {
  readonly redis: RedisClient;
  readonly topology: Topology;
  /** Replicas that must confirm events; nothing where none has to. */
  readonly quorum?: WriteQuorum;
}

/**
 * Connects to Redis, waiting for it if need be, looks whether it can keep a log, and opens the log.
 *
 * @throws ServerUnfitError for a server that is too old, and in production for one that could lose events
 * @throws NotAdmittedError for a server that refuses this process, or is not to be trusted
 * @throws PartitionCountError
 */
export async function openLog(
  environment: Environment,
  name: string,
  logger: Logger,
  options?: ClientOptions,
): Promise<OpenLog> {
  const redis = createClient(environment.redis, name, options);
  await connectTo(redis, environment.redis, message => logger.warn(message, 'Redis'));
  const { name: server, faults } = await inspectServer(redis);
  const fatal = faults.filter(fault => environment.production || isFatal(fault));
  if (fatal.length > 0) {
    redis.disconnect();
    throw new ServerUnfitError(fatal);
  }
  for (const fault of faults) logger.warn(fault.message, 'Redis');
  logger.debug(`connected to ${server}`, 'Redis');
  return { redis, topology: await Topology.open(redis, environment.KEY_PREFIX, environment.partitions) };
}

/**
 * As `openLog`, for services that keep documents of players or look for them.
 *
 * @throws DocumentStoreError, too
 */
export async function openLogWithDocuments(...args: Parameters<typeof openLog>): Promise<OpenLog> {
  const [, , logger] = args;
  const log = await openLog(...args);
  try {
    const onFault = ({ message }: Error) =>
      logger.warn(`documents of players are kept without RedisJSON: ${message}`, 'Redis');
    if (await prepareDocuments(log.redis, log.topology, onFault)) {
      logger.warn(
        'this server could index JSON values: `npm run rebuild -- saves` makes it keep documents so',
        'Redis',
      );
    }
    return log;
  } catch (error) {
    log.redis.disconnect();
    throw error;
  }
}

/** As `openLogWithDocuments`, for who appends events for others, and tells them that an event is safe. */
export async function openLogWithQuorum(
  environment: GatewayEnvironment,
  name: string,
  logger: Logger,
): Promise<OpenLog> {
  // What goes to one server is put together here already. On a cluster, sessions are everywhere: there, the client does it.
  const sendsScriptsAtOnce = !('nodes' in environment.redis);
  const log = await openLogWithDocuments(environment, name, logger, { sendsScriptsAtOnce });
  const { WRITE_QUORUM: wanted } = environment;
  if (wanted === 0) return log;
  for (const node of nodesOf(log.redis)) {
    const [, replicas = '?'] = /^connected_slaves:(\d+)/m.exec(await node.info('replication')) ?? [];
    if (Number(replicas) < wanted)
      logger.warn(
        `WRITE_QUORUM is ${wanted}, and a server has ${replicas} replicas: writes there are refused`,
      );
  }
  const redis = createClient(environment.redis, `${name}:append`);
  await connectTo(redis, environment.redis, message => logger.warn(message, 'Redis'));
  return { ...log, quorum: new WriteQuorum(redis, wanted) };
}
