import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import {
  ConfigurationError,
  isSecretSet,
  loadGatewayConfig,
  loadLauncherConfig,
  loadWorkerConfig,
  processEnvironment,
  reachableHost,
  type WorkerEnvironment,
} from '#libs/config';
import { EmbeddedRedis, freePort } from '#libs/embedded-redis';
import { projections } from '#libs/maintenance';
import { createClient, nameOfAddress, ping, type RedisAddress } from '#libs/redis';
import { ChildService } from './child-service.js';
import { DataFolder, EMBEDDED_REDIS_SETTINGS } from './data-folder.js';
import { type Part, Supervisor } from './supervisor.js';

/** In the order in which they stop: first nobody writes any more, then what was written is projected. */
const SERVICES = ['gateway', ...projections.map(({ name }) => name)];

/** Signals in this time count as one: the terminal and npm both forward Ctrl-C. */
const REPEATED_SIGNAL_MS = 1_000;
/** Redis counts as unreachable during shutdown when it does not answer PING in this time. */
const PING_TIMEOUT_MS = 400;

/** `npm start`: runs all of Questlog, with an embedded Redis unless the environment names another one. */
class Launcher {
  private readonly startedAt = performance.now();
  private readonly supervisor = new Supervisor({
    log: print,
    onChange: parts => this.services[0]?.setMessage({ parts }),
  });
  private redis: EmbeddedRedis | undefined;
  private address: RedisAddress | undefined;
  private services: readonly ChildService[] = [];
  private folder: DataFolder | undefined;
  private isUp = false;
  private stoppingSince: number | undefined;

  async start(): Promise<void> {
    const source = processEnvironment();
    const { DATA_DIR, redisVariables, redis } = loadLauncherConfig(source);
    this.folder = new DataFolder(DATA_DIR);
    const environment = this.addGeneratedKeys(source, this.folder);
    const gateway = loadGatewayConfig(environment);
    assertShared(loadWorkerConfig(environment));
    await assertPortFree(gateway.PORT, gateway.HOST);
    const url = redisVariables.length === 0 && (await this.startEmbeddedRedis(this.folder)).url;
    const embedded = url !== false && { ...EMBEDDED_REDIS_SETTINGS, REDIS_URL: url };
    if (this.stoppingSince !== undefined) return;
    this.address = url === false ? redis : { url };
    this.services = SERVICES.map(name => new ChildService(name, { ...environment, ...embedded }));
    for (const service of this.services) service.start();
    await Promise.all(this.services.map(service => service.waitUntilReady(print)));
    if (this.stoppingSince !== undefined) return;
    this.isUp = true;
    for (const service of this.services) this.supervise(toPart(service));
    this.printWelcome(gateway, nameOfAddress(redis));
  }

  /** Stops everything in order, then exits with `status`. A second call kills the services and exits at once. */
  async stop(status: number): Promise<void> {
    const now = performance.now();
    if (this.stoppingSince !== undefined) {
      if (now - this.stoppingSince < REPEATED_SIGNAL_MS) return;
      for (const service of this.services) service.kill();
      process.exit(1);
    }
    this.stoppingSince = now;
    this.supervisor.stop();
    const [gateway, ...workers] = this.services;
    const endWorkers = () => Promise.all(workers.map(worker => worker.stop()));
    // Without Redis the workers cannot apply anything, so the order does not matter.
    if (await this.isRedisUnreachable())
      await Promise.all([gateway?.stop(), endWorkers(), this.redis?.stop()]);
    await gateway?.stop();
    await endWorkers();
    await this.redis?.stop();
    this.folder?.releaseLock();
    process.exit(status);
  }

  /** Reports an error. It stops the system only during startup: once the system is up, an error here must not end it. */
  async fail(error: unknown): Promise<void> {
    if (this.stoppingSince !== undefined) return;
    const expected = error instanceof ConfigurationError || (error instanceof Error && 'code' in error);
    print(`\nquestlog: ${error instanceof Error ? (expected ? error.message : error.stack) : error}`);
    if (!this.isUp) await this.stop(1);
  }

  private supervise(part: Part): void {
    this.supervisor.supervise(part).catch(error => this.fail(error));
  }

  private async isRedisUnreachable(): Promise<boolean> {
    if (!this.address) return true;
    const redis = createClient(this.address, 'start');
    const answer = redis
      .connect()
      .then(() => ping(redis))
      .then(
        () => false,
        () => true,
      );
    return Promise.race([answer, delay(PING_TIMEOUT_MS, true)]).finally(() => redis.disconnect());
  }

  private addGeneratedKeys(source: NodeJS.ProcessEnv, folder: DataFolder): NodeJS.ProcessEnv {
    // In production a missing key is a configuration error.
    const hasKeys = isSecretSet(source, 'SERVER_KEYS') && isSecretSet(source, 'ADMIN_KEYS');
    if (source.NODE_ENV === 'production' || hasKeys) return source;
    const { server, admin } = folder.loadKeys();
    return {
      ...source,
      ...(!isSecretSet(source, 'SERVER_KEYS') && { SERVER_KEYS: server }),
      ...(!isSecretSet(source, 'ADMIN_KEYS') && { ADMIN_KEYS: admin }),
    };
  }

  private async startEmbeddedRedis(folder: DataFolder): Promise<EmbeddedRedis> {
    const port = await freePort();
    await folder.acquireLock(port);
    const start = () => EmbeddedRedis.start({ folder: folder.redisFolder, port, onProgress: print });
    let redis = await start();
    this.redis = redis;
    this.supervise({
      name: 'redis-server',
      waitForExit: () => redis.waitForExit(),
      // The port stays the same, so the services reconnect by themselves.
      restart: async () => {
        redis = await start();
        this.redis = redis;
      },
    });
    return redis;
  }

  private printWelcome(
    {
      HOST,
      PORT,
      SERVER_KEYS,
      ADMIN_KEYS,
    }: { HOST: string; PORT: number; SERVER_KEYS: readonly string[]; ADMIN_KEYS: readonly string[] },
    redis: string,
  ): void {
    const [server = ''] = SERVER_KEYS;
    const [admin = ''] = ADMIN_KEYS;
    const address = reachableHost(HOST);
    const base = `http://${address === '127.0.0.1' ? 'localhost' : address}:${PORT}`;
    const key = `-H 'Authorization: Bearer ${server}'`;
    const json = `-H 'Content-Type: application/json'`;
    const data = this.redis
      ? `${this.folder?.path}  (embedded ${this.redis.binary}, port ${this.redis.port})`
      : redis;
    print(`
Questlog is up, after ${((performance.now() - this.startedAt) / 1_000).toFixed(1)} s.

  page        ${base}/
  docs        ${base}/docs
  server key  ${server}  (a game server: may write for any player)
  admin key   ${admin}
  data        ${data}

Post a score, see the board, write a save:

  curl -X POST ${base}/v1/leaderboards/demo/scores ${key} ${json} -H 'Prefer: wait=5' -d '{"player":"ada","score":1200}'
  curl ${base}/v1/leaderboards/demo/entries
  curl -X PUT ${base}/v1/players/ada/saves/auto ${key} ${json} -H 'Prefer: wait=5' -d '{"level":3,"hp":20}'

Ctrl-C ends it; the data stays.
`);
  }
}

function toPart(service: ChildService): Part {
  return {
    name: service.name,
    waitForExit: () => service.waitForExit(),
    restart: async () => {
      service.start();
      await service.waitUntilReady().catch(async () => {
        throw new Error(`${await service.waitForExit()}, during startup`);
      });
    },
  };
}

/**
 * Checks the worker settings before anything is started, so that an error is reported once and not by each worker.
 *
 * @throws ConfigurationError when a setting is only valid for a single worker
 */
function assertShared({ HEALTH_PORT = 0 }: WorkerEnvironment): void {
  if (HEALTH_PORT === 0) return;
  throw new ConfigurationError(
    `HEALTH_PORT=${HEALTH_PORT} is for a single worker, but \`npm start\` runs three: unset it or set it to 0, so that each chooses its own port`,
  );
}

/** @throws Error when another program has the port */
async function assertPortFree(port: number, host: string): Promise<void> {
  if (port === 0) return;
  await new Promise<void>((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      const remedy = `stop the program that uses it, or choose another port: PORT=${port + 1} npm start`;
      const message =
        error.code === 'EADDRINUSE'
          ? `port ${port} is taken: ${remedy}`
          : `HOST=${host}, PORT=${port}: this machine cannot listen there (${error.message})`;
      reject(Object.assign(new Error(message), { code: error.code }));
    });
    server.listen(port, host, () => server.close(() => resolve()));
  });
}

function print(text: string): void {
  console.log(text);
}

const launcher = new Launcher();
// Keep running when the terminal or the pipe is closed.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
process.on('SIGINT', () => void launcher.stop(0));
process.on('SIGTERM', () => void launcher.stop(0));
// Sent when the terminal is closed.
process.on('SIGHUP', () => void launcher.stop(0));
process.on('uncaughtException', error => void launcher.fail(error));
process.on('unhandledRejection', error => void launcher.fail(error));
await launcher.start().catch(error => launcher.fail(error));
