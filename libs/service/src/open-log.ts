import { setTimeout as delay } from 'node:timers/promises';
import type { Environment, GatewayEnvironment } from '#libs/config';
import { Topology } from '#libs/event-log';
import type { Logger } from '#libs/observability';
import {
  type ClientOptions,
  createClient,
  inspectServer,
  isFatal,
  isRedisUnavailable,
  nodesOf,
  type RedisClient,
  ServerUnfitError,
  WriteQuorum,
} from '#libs/redis';
import { prepareDocuments } from '#libs/search';
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
  open = Topology.open,
): Promise<OpenLog> {
  const redis = createClient(environment.redis, name, options);
  try {
    return await untilAvailable(logger, async () => {
      await connectTo(redis, environment.redis, message => logger.warn(message, 'Redis'));
      const { name: server, faults } = await inspectServer(redis);
      const fatal = faults.filter(fault => environment.production || isFatal(fault));
      if (fatal.length > 0) throw new ServerUnfitError(fatal);
      for (const fault of faults) logger.warn(fault.message, 'Redis');
      logger.debug(`connected to ${server}`, 'Redis');
      return { redis, topology: await open(redis, environment.KEY_PREFIX, environment.partitions) };
    });
  } catch (error) {
    redis.disconnect();
    throw error;
  }
}

/**
 * As `openLog`, for tools: they make no log.
 *
 * @throws NoLogError, too
 */
export const findLog = (...[environment, name, logger]: Parameters<typeof openLog>): Promise<OpenLog> =>
  openLog(environment, name, logger, undefined, Topology.find);

/** Milliseconds between two attempts to open the log, at first and at most. */
const FIRST_WAIT_MS = 250;
const MAX_WAIT_MS = 10_000;

/** Tries for as long as Redis goes away in between: at a start, that is no reason to end. */
async function untilAvailable<T>(logger: Logger, open: () => Promise<T>): Promise<T> {
  for (let wait = FIRST_WAIT_MS; ; wait = Math.min(2 * wait, MAX_WAIT_MS)) {
    try {
      return await open();
    } catch (error) {
      if (!isRedisUnavailable(error)) throw error;
      logger.warn(`Redis went away at the start, trying again: ${(error as Error).message}`, 'Redis');
    }
    await delay(wait);
  }
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
    if (await untilAvailable(logger, () => prepareDocuments(log.redis, log.topology, onFault))) {
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
  await untilAvailable(logger, () => warnOfFewReplicas(log.redis, wanted, logger));
  const redis = createClient(environment.redis, `${name}:append`);
  await connectTo(redis, environment.redis, message => logger.warn(message, 'Redis'));
  return { ...log, quorum: new WriteQuorum(redis, wanted) };
}

async function warnOfFewReplicas(redis: RedisClient, wanted: number, logger: Logger): Promise<void> {
  for (const node of nodesOf(redis)) {
    const [, replicas = '?'] = /^connected_slaves:(\d+)/m.exec(await node.info('replication')) ?? [];
    if (Number(replicas) < wanted)
      logger.warn(
        `WRITE_QUORUM is ${wanted}, and a server has ${replicas} replicas: writes there are refused`,
      );
  }
}
