import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { ConfigurationError, loadGatewayConfig, loadLauncherConfig, processEnvironment } from '#libs/config';
import { EmbeddedRedis, freePort } from '#libs/embedded-redis';
import { nameOfAddress } from '#libs/redis';
import { ChildService } from './child-service.js';
import { DataFolder } from './data-folder.js';

/** In the order of their end: first nobody writes any more, then what was written is projected. */
const SERVICES = ['gateway', 'scores', 'saves', 'ranking-projector'];

/** More unexpected ends than these within a minute, and starting again is no remedy. */
const MAX_RESTARTS = 5;

/** `npm start`: the whole of Questlog, on an embedded Redis unless another is named. */
class Launcher {
  private readonly began = performance.now();
  private redis: EmbeddedRedis | undefined;
  private services: readonly ChildService[] = [];
  private folder: DataFolder | undefined;
  private stopping = false;
  private readonly restarts: number[] = [];

  async start(): Promise<void> {
    const source = processEnvironment();
    const { DATA_DIR, places, redis } = loadLauncherConfig(source);
    this.folder = new DataFolder(DATA_DIR);
    const environment = this.withKeys(source, this.folder);
    const gateway = loadGatewayConfig(environment);
    await assertFree(gateway.PORT, gateway.HOST);
    const embedded = places.length === 0 && { REDIS_URL: (await this.embed(this.folder)).url };
    this.services = SERVICES.map(name => new ChildService(name, { ...environment, ...embedded }));
    for (const service of this.services) service.start();
    await Promise.all(this.services.map(service => service.ready()));
    for (const service of this.services) void this.keepRunning(service);
    this.greet(gateway, nameOfAddress(redis));
  }

  /** Ends everything in order; `status` is for the one who started it. */
  async stop(status: number): Promise<never> {
    if (this.stopping) {
      for (const service of this.services) service.kill();
      process.exit(1);
    }
    this.stopping = true;
    const [gateway, ...workers] = this.services;
    await gateway?.stop();
    await Promise.all(workers.map(worker => worker.stop()));
    await this.redis?.stop();
    this.folder?.release();
    process.exit(status);
  }

  async fail(error: unknown): Promise<never> {
    const expected = error instanceof ConfigurationError || (error instanceof Error && 'code' in error);
    say(`\nquestlog: ${error instanceof Error ? (expected ? error.message : error.stack) : error}`);
    return this.stop(1);
  }

  private withKeys(source: NodeJS.ProcessEnv, folder: DataFolder): NodeJS.ProcessEnv {
    // In production a missing key is the configuration's fault, not ours to guess.
    if (source.NODE_ENV === 'production' || (source.SERVER_KEYS && source.ADMIN_KEYS)) return source;
    const { server, admin } = folder.keys();
    return { ...source, SERVER_KEYS: source.SERVER_KEYS || server, ADMIN_KEYS: source.ADMIN_KEYS || admin };
  }

  private async embed(folder: DataFolder): Promise<EmbeddedRedis> {
    const port = await freePort();
    await folder.take(port);
    this.redis = await EmbeddedRedis.start({ folder: folder.redis, port, onWait: say });
    void this.keepRedis(folder, this.redis);
    return this.redis;
  }

  private async keepRedis(folder: DataFolder, first: EmbeddedRedis): Promise<void> {
    for (let redis = first; ; ) {
      await redis.ended();
      if (this.stopping) return;
      if (!(await this.mayRestart('redis-server'))) return;
      // On the same port: the services find it again by themselves.
      redis = await EmbeddedRedis.start({ folder: folder.redis, port: first.port, onWait: say });
      this.redis = redis;
      if (this.stopping) await redis.stop();
      else say('redis-server is back');
    }
  }

  private async keepRunning(service: ChildService): Promise<void> {
    while (!this.stopping) {
      const how = await service.ended();
      if (this.stopping) return;
      if (await this.mayRestart(`${service.name} (${how})`)) service.start();
    }
  }

  /** Waits a little, longer the more goes wrong. @returns false when the end has been ordered meanwhile */
  private async mayRestart(what: string): Promise<boolean> {
    const now = performance.now();
    this.restarts.push(now);
    const recent = this.restarts.filter(time => now - time < 60_000).length;
    if (recent > MAX_RESTARTS) {
      throw new Error(`${what} ended, the ${recent}th unexpected end within a minute: giving up`);
    }
    say(`${what} ended unexpectedly: starting it again`);
    await delay(200 * recent);
    return !this.stopping;
  }

  private greet(
    {
      PORT,
      SERVER_KEYS,
      ADMIN_KEYS,
    }: { PORT: number; SERVER_KEYS: readonly string[]; ADMIN_KEYS: readonly string[] },
    redis: string,
  ): void {
    const [server = ''] = SERVER_KEYS;
    const [admin = ''] = ADMIN_KEYS;
    const base = `http://localhost:${PORT}`;
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

/** @throws Error when another program has the port */
async function assertFree(port: number, host: string): Promise<void> {
  if (port === 0) return;
  await new Promise<void>((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      const remedy = `stop what uses it, or choose another: PORT=${port + 1} npm start`;
      const message =
        error.code === 'EADDRINUSE' ? `port ${port} is taken: ${remedy}` : `port ${port}: ${error.message}`;
      reject(Object.assign(new Error(message), { code: error.code }));
    });
    server.listen(port, host, () => server.close(() => resolve()));
  });
}

function say(text: string): void {
  console.log(text);
}

const launcher = new Launcher();
process.on('SIGINT', () => void launcher.stop(0));
process.on('SIGTERM', () => void launcher.stop(0));
process.on('uncaughtException', error => void launcher.fail(error));
process.on('unhandledRejection', error => void launcher.fail(error));
await launcher.start().catch(error => launcher.fail(error));
