import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedRedis, freePort } from '#libs/embedded-redis';
import { Topology } from '#libs/event-log';
import { createClient, type RedisClient } from '#libs/redis';
import { RedisCluster } from '#libs/testing';
import { ChildService } from '../scripts/child-service.js';
import { HttpClient } from './http-client.js';

const PREFIX = 'bench';
export const KEYS = { server: 'benchmark-server-key', admin: 'benchmark-admin-key-' };

export interface InstallationOptions {
  /** Default: one of each, because a board is in a single partition anyway. */
  readonly partitions?: { readonly scores: number; readonly players: number };
  /** Enables the rate limits, quotas, and logging of production, which are off by default. */
  readonly asInProduction?: boolean;
  /** Uses a cluster of three masters without replicas instead of one server. */
  readonly isCluster?: boolean;
}

const SERVICES = ['gateway', 'scores', 'saves', 'ranking-projector'];

/** The file descriptor for logs of the services. Standard output is for figures. */
const STDERR = 2;

/** Timeout of commands of the benchmark, which can count or delete a million members at once. */
const COMMAND_TIMEOUT_MS = 120_000;

/** A separate Questlog in a temporary folder: an embedded Redis, and one process per service. */
export class Installation {
  readonly topology: Topology;
  readonly admin: HttpClient;
  private readonly services: ChildService[] = [];

  private constructor(
    private readonly folder: string,
    private readonly server: EmbeddedRedis | RedisCluster,
    readonly redis: RedisClient,
    private readonly port: number,
    private readonly options: InstallationOptions,
  ) {
    this.topology = new Topology(PREFIX, options.partitions ?? { scores: 1, players: 1 });
    this.admin = new HttpClient(port, KEYS.admin);
  }

  /** Starts only Redis. */
  static async open(options: InstallationOptions = {}): Promise<Installation> {
    const folder = mkdtempSync(join(tmpdir(), 'questlog-bench-'));
    const server = options.isCluster
      ? await RedisCluster.start({ replicas: false, settings: ['appendfsync always'] })
      : await EmbeddedRedis.start({ folder: join(folder, 'redis') });
    const redis = createClient('url' in server ? server.url : server.address, 'benchmark');
    Object.assign(redis.options, { commandTimeout: COMMAND_TIMEOUT_MS });
    await redis.connect();
    return new Installation(folder, server, redis, await freePort(), options);
  }

  /** Starts Redis and all services with the settings of production and the default number of partitions. */
  static async openAsInProduction(): Promise<Installation> {
    const partitions = { scores: 8, players: 8 };
    const installation = await Installation.open({ partitions, asInProduction: true });
    await installation.start();
    return installation;
  }

  /** Starts services and waits until they are ready. @returns them in the order of the names */
  async start(names: readonly string[] = SERVICES): Promise<readonly ChildService[]> {
    const services = names.map(name => new ChildService(name, this.environment, STDERR));
    this.services.push(...services);
    for (const service of services) service.start();
    await Promise.all(services.map(service => service.waitUntilReady()));
    return services;
  }

  async close(): Promise<void> {
    this.admin.close();
    await Promise.all(this.services.map(service => service.stop()));
    this.redis.disconnect();
    await this.server.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** @throws Error when it is a cluster */
  get redisUrl(): string {
    if ('url' in this.server) return this.server.url;
    throw new Error('a cluster has no URL');
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Stops all workers with SIGSTOP, or lets them continue. */
  freezeWorkers(frozen: boolean): void {
    // A stopped worker would not notice that this process has exited.
    if (frozen) process.once('exit', () => this.freezeWorkers(false));
    for (const service of this.services) if (service.name !== 'gateway') service.setFrozen(frozen);
  }

  pidOf(name: string): number {
    const pid = this.services.find(service => service.name === name)?.pid;
    if (pid === undefined) throw new Error(`${name} is not running`);
    return pid;
  }

  private get environment(): NodeJS.ProcessEnv {
    const { asInProduction } = this.options;
    return {
      PATH: process.env.PATH,
      ...(asInProduction ? { NODE_ENV: 'production' } : { NODE_ENV: 'test', LOG_LEVEL: 'warn' }),
      ...('url' in this.server ? { REDIS_URL: this.server.url } : this.server.environment),
      KEY_PREFIX: PREFIX,
      SCORES_PARTITIONS: String(this.topology.counts.scores),
      PLAYERS_PARTITIONS: String(this.topology.counts.players),
      RATE_LIMIT: asInProduction ? 'on' : 'off',
      QUOTAS: asInProduction ? 'on' : 'off',
      BOARDS: 'open',
      SERVER_KEYS: KEYS.server,
      ADMIN_KEYS: KEYS.admin,
      HOST: '127.0.0.1',
      PORT: String(this.port),
      HEALTH_PORT: '0',
    };
  }
}

/** Opens an installation, runs `work`, and removes the installation again, even after Ctrl-C. */
export async function withInstallation<T>(
  work: (installation: Installation) => Promise<T>,
  options: InstallationOptions = {},
): Promise<T> {
  const installation = await Installation.open(options);
  const abort = () => void installation.close().finally(() => process.exit(130));
  process.once('SIGINT', abort);
  process.once('SIGTERM', abort);
  try {
    return await work(installation);
  } finally {
    process.off('SIGINT', abort);
    process.off('SIGTERM', abort);
    await installation.close();
  }
}
