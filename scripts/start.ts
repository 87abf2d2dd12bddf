import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import {
  addressToCall,
  ConfigurationError,
  isGiven,
  loadGatewayConfig,
  loadLauncherConfig,
  loadWorkerConfig,
  processEnvironment,
  type WorkerEnvironment,
} from '#libs/config';
import { EmbeddedRedis, freePort } from '#libs/embedded-redis';
import { projections } from '#libs/maintenance';
import { createClient, nameOfAddress, ping, type RedisAddress } from '#libs/redis';
import { ChildService } from './child-service.js';
import { DataFolder, EMBEDDED_ACCESS } from './data-folder.js';
import { type Part, Supervisor } from './supervisor.js';

/** In the order in which they stop: first nobody writes any more, then what was written is projected. */
const SERVICES = ['gateway', ...projections.map(({ name }) => name)];

/** Milliseconds within which a second Ctrl-C is the first: a terminal and npm both send it. */
const SAME_SIGNAL_MS = 1_000;
/** Milliseconds in which Redis answers when all is to end, unless it is away. */
const PING_MS = 400;

/** `npm start`: the whole of Questlog, on an embedded Redis unless another is named. */
class Launcher {
  private readonly began = performance.now();
  private readonly supervisor = new Supervisor({
    say,
    onChange: parts => this.services[0]?.tell({ parts }),
  });
  private redis: EmbeddedRedis | undefined;
  private address: RedisAddress | undefined;
  private services: readonly ChildService[] = [];
  private folder: DataFolder | undefined;
  private isUp = false;
  private stoppingSince: number | undefined;

  async start(): Promise<void> {
    const source = processEnvironment();
    const { DATA_DIR, places, redis } = loadLauncherConfig(source);
    this.folder = new DataFolder(DATA_DIR);
    const environment = this.withKeys(source, this.folder);
    const gateway = loadGatewayConfig(environment);
    assertShared(loadWorkerConfig(environment));
    await assertFree(gateway.PORT, gateway.HOST);
    const url = places.length === 0 && (await this.embed(this.folder)).url;
    const embedded = url !== false && { ...EMBEDDED_ACCESS, REDIS_URL: url };
    if (this.stoppingSince !== undefined) return;
    this.address = url === false ? redis : { url };
    this.services = SERVICES.map(name => new ChildService(name, { ...environment, ...embedded }));
    for (const service of this.services) service.start();
    await Promise.all(this.services.map(service => service.ready(say)));
    if (this.stoppingSince !== undefined) return;
    this.isUp = true;
    for (const service of this.services) this.keep(partOf(service));
    this.greet(gateway, nameOfAddress(redis));
  }

  /** Ends everything in order; `status` is for the one who started it. A second time: at once. */
  async stop(status: number): Promise<void> {
    const now = performance.now();
    if (this.stoppingSince !== undefined) {
      if (now - this.stoppingSince < SAME_SIGNAL_MS) return;
      for (const service of this.services) service.kill();
      process.exit(1);
    }
    this.stoppingSince = now;
    this.supervisor.stop();
    const [gateway, ...workers] = this.services;
    const endWorkers = () => Promise.all(workers.map(worker => worker.stop()));
    // Without Redis nothing is projected any more, and there is no order to keep.
    if (await this.isRedisAway()) await Promise.all([gateway?.stop(), endWorkers(), this.redis?.stop()]);
    await gateway?.stop();
    await endWorkers();
    await this.redis?.stop();
    this.folder?.release();
    process.exit(status);
  }

  /** For what fails beside all else: once the system is up, no error here may end it. */
  async fail(error: unknown): Promise<void> {
    if (this.stoppingSince !== undefined) return;
    const expected = error instanceof ConfigurationError || (error instanceof Error && 'code' in error);
    say(`\nquestlog: ${error instanceof Error ? (expected ? error.message : error.stack) : error}`);
    if (!this.isUp) await this.stop(1);
  }

  private keep(part: Part): void {
    this.supervisor.keep(part).catch(error => this.fail(error));
  }

  private async isRedisAway(): Promise<boolean> {
    if (!this.address) return true;
    const redis = createClient(this.address, 'start');
    const answer = redis
      .connect()
      .then(() => ping(redis))
      .then(
        () => false,
        () => true,
      );
    return Promise.race([answer, delay(PING_MS, true)]).finally(() => redis.disconnect());
  }

  private withKeys(source: NodeJS.ProcessEnv, folder: DataFolder): NodeJS.ProcessEnv {
    // In production a missing key is the configuration's fault, not ours to guess.
    const hasKeys = isGiven(source, 'SERVER_KEYS') && isGiven(source, 'ADMIN_KEYS');
    if (source.NODE_ENV === 'production' || hasKeys) return source;
    const { server, admin } = folder.keys();
    return {
      ...source,
      ...(!isGiven(source, 'SERVER_KEYS') && { SERVER_KEYS: server }),
      ...(!isGiven(source, 'ADMIN_KEYS') && { ADMIN_KEYS: admin }),
    };
  }

  private async embed(folder: DataFolder): Promise<EmbeddedRedis> {
    const port = await freePort();
    await folder.take(port);
    const start = () => EmbeddedRedis.start({ folder: folder.redis, port, onProgress: say });
    let redis = await start();
    this.redis = redis;
    this.keep({
      name: 'redis-server',
      ended: () => redis.waitForExit(),
      // On the same port: the services find it again by themselves.
      restart: async () => {
        redis = await start();
        this.redis = redis;
      },
    });
    return redis;
  }

  private greet(
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
    const address = addressToCall(HOST);
    const base = `http://${address === '127.0.0.1' ? 'localhost' : address}:${PORT}`;
    const key = `-H 'Authorization: Bearer ${server}'`;
    const json = `-H 'Content-Type: application/json'`;
    const data = this.redis
      ? `${this.folder?.path}  (embedded ${this.redis.binary}, port ${this.redis.port})`
      : redis;
    say(`
Questlog is up, after ${((performance.now() - this.began) / 1_000).toFixed(1)} s.

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

function partOf(service: ChildService): Part {
  return {
    name: service.name,
    ended: () => service.ended(),
    restart: async () => {
      service.start();
      await service.ready().catch(async () => {
        throw new Error(`${await service.ended()}, at its start`);
      });
    },
  };
}

/**
 * What is wrong for a worker is said here once, before anything is started.
 *
 * @throws ConfigurationError for a setting that suits one worker and not three
 */
function assertShared({ HEALTH_PORT = 0 }: WorkerEnvironment): void {
  if (HEALTH_PORT === 0) return;
  throw new ConfigurationError(
    `HEALTH_PORT=${HEALTH_PORT} is for one worker, and \`npm start\` runs three: leave it out, and each finds a port of its own; or set it to 0`,
  );
}

/** @throws Error when another program has the port */
async function assertFree(port: number, host: string): Promise<void> {
  if (port === 0) return;
  await new Promise<void>((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      const remedy = `stop what uses it, or choose another: PORT=${port + 1} npm start`;
      const message =
        error.code === 'EADDRINUSE'
          ? `port ${port} is taken: ${remedy}`
          : `HOST=${host}, PORT=${port}: this machine cannot listen there (${error.message})`;
      reject(Object.assign(new Error(message), { code: error.code }));
    });
    server.listen(port, host, () => server.close(() => resolve()));
  });
}

function say(text: string): void {
  console.log(text);
}

const launcher = new Launcher();
// A terminal or a pipe that is gone is no reason to end.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
process.on('SIGINT', () => void launcher.stop(0));
process.on('SIGTERM', () => void launcher.stop(0));
// The terminal was closed.
process.on('SIGHUP', () => void launcher.stop(0));
process.on('uncaughtException', error => void launcher.fail(error));
process.on('unhandledRejection', error => void launcher.fail(error));
await launcher.start().catch(error => launcher.fail(error));
