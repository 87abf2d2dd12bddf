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
  /** Waits for replicas to confirm events; unset when `WRITE_QUORUM` is 0. */
  readonly quorum?: WriteQuorum;
}

/**
 * Connects to Redis (and waits for it if necessary), checks its version and settings, and opens the log.
 *
 * @throws ServerUnfitError when the server is too old or, in production, when its settings could lose events
 * @throws RedisAccessError when the server rejects this process or its certificate is not trusted
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
    return await retryWhileUnavailable(logger, async () => {
      await connectTo(redis, environment.redis, message => logger.warn(message, 'Redis'));
      const { name: server, faults } = await inspectServer(redis);
      const fatal = faults.filter(fault => environment.isProduction || isFatal(fault));
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
 * Like `openLog`, but for commands, which must not create a log.
 *
 * @throws NoLogError when there is no log, and the errors of `openLog`
 */
export const openExistingLog = (
  ...[environment, name, logger]: Parameters<typeof openLog>
): Promise<OpenLog> => openLog(environment, name, logger, undefined, Topology.find);

/** Delay between two attempts to open the log: the first one, and the maximum. */
const MIN_RETRY_MS = 250;
const MAX_RETRY_MS = 10_000;

/** Calls `open` again whenever it fails because Redis is unavailable. */
async function retryWhileUnavailable<T>(logger: Logger, open: () => Promise<T>): Promise<T> {
  for (let wait = MIN_RETRY_MS; ; wait = Math.min(2 * wait, MAX_RETRY_MS)) {
    try {
      return await open();
    } catch (error) {
      if (!isRedisUnavailable(error)) throw error;
      logger.warn(`Redis became unavailable during startup, retrying: ${(error as Error).message}`, 'Redis');
    }
    await delay(wait);
  }
}

/**
 * Like `openLog`, for services that store or search documents of players.
 *
 * @throws DocumentStoreError, and the errors of `openLog`
 */
export async function openLogWithDocuments(...args: Parameters<typeof openLog>): Promise<OpenLog> {
  const [, , logger] = args;
  const log = await openLog(...args);
  try {
    const onFault = ({ message }: Error) =>
      logger.warn(`documents of players are kept without RedisJSON: ${message}`, 'Redis');
    if (await retryWhileUnavailable(logger, () => prepareDocuments(log.redis, log.topology, onFault))) {
      logger.warn(
        'this server has RedisJSON and Redis Search: run `npm run rebuild -- saves` to store documents as indexed JSON values',
        'Redis',
      );
    }
    return log;
  } catch (error) {
    log.redis.disconnect();
    throw error;
  }
}

/** Like `openLogWithDocuments`, for the gateway, which acknowledges events to clients. */
export async function openLogWithQuorum(
  environment: GatewayEnvironment,
  name: string,
  logger: Logger,
): Promise<OpenLog> {
  // With one server, the gateway batches its commands itself. On a cluster, session keys are spread over all nodes, so the
  // Redis client batches the commands.
  const sendsScriptsAtOnce = !('nodes' in environment.redis);
  const log = await openLogWithDocuments(environment, name, logger, { sendsScriptsAtOnce });
  const { WRITE_QUORUM: wanted } = environment;
  if (wanted === 0) return log;
  await retryWhileUnavailable(logger, () => warnIfTooFewReplicas(log.redis, wanted, logger));
  const redis = createClient(environment.redis, `${name}:append`);
  await connectTo(redis, environment.redis, message => logger.warn(message, 'Redis'));
  return { ...log, quorum: new WriteQuorum(redis, wanted) };
}

async function warnIfTooFewReplicas(redis: RedisClient, wanted: number, logger: Logger): Promise<void> {
  for (const node of nodesOf(redis)) {
    const [, replicas = '?'] = /^connected_slaves:(\d+)/m.exec(await node.info('replication')) ?? [];
    if (Number(replicas) < wanted)
      logger.warn(
        `WRITE_QUORUM is ${wanted}, but a server has ${replicas} replicas: writes to it will be refused`,
      );
  }
}
