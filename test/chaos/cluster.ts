import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '#libs/embedded-redis';
import { Topology } from '#libs/event-log';
import type { StreamName } from '#libs/events';
import { groupsOf, projections } from '#libs/maintenance';
import { eventually } from '#libs/testing';
import type { Findings } from './findings.js';
import { RedisServer } from './redis-server.js';
import { restart, Service } from './service.js';

export const PREFIX = 'chaos';
export const KEYS = { server: 'chaos-server-key', admin: 'chaos-admin-key-' };

/** Milliseconds after which a worker takes over what another was given: short, so that it happens often. */
export const CLAIM_IDLE = 600;

/** Few partitions: workers shall meet in them. */
const PARTITIONS = { scores: 4, players: 2 };

/** The consumer groups of each stream, named like the apps that form them. */
export const GROUPS: Readonly<Record<StreamName, readonly string[]>> = {
  scores: groupsOf('scores'),
  players: groupsOf('players'),
};

const WORKERS = Object.fromEntries(projections.map(({ name }) => [name, 2]));
const MAX_WORKERS = 3;
const GATEWAYS = 2;
/** Milliseconds after which all must be up. */
const START = 90_000;

/** A whole Questlog: Redis, gateways and workers as processes of their own, and their supervisor. */
export class Cluster {
  private readonly services: Service[] = [];
  private readonly started = new Map<string, number>();
  private stopping = false;
  readonly topology = new Topology(PREFIX, PARTITIONS);

  private constructor(
    readonly folder: string,
    readonly redis: RedisServer,
    readonly dist: string,
    private readonly ports: readonly number[],
    private readonly findings: Findings,
  ) {}

  /** Starts Redis; `start` starts the rest. */
  static async open(dist: string, findings: Findings): Promise<Cluster> {
    const folder = mkdtempSync(join(tmpdir(), 'questlog-chaos-'));
    mkdirSync(join(folder, 'logs'));
    const ports = await Promise.all(Array.from({ length: GATEWAYS }, freePort));
    return new Cluster(folder, await RedisServer.start(join(folder, 'redis')), dist, ports, findings);
  }

  /** Where the gateways are, for good. */
  get urls(): string[] {
    return this.ports.map(port => `http://127.0.0.1:${port}`);
  }

  /** How many services there have been. */
  get size(): number {
    return this.services.length;
  }

  /** Starts gateways and workers, and waits for them. */
  async start(): Promise<void> {
    for (const port of this.ports) this.add('gateway', { PORT: String(port) });
    for (const [app, count] of Object.entries(WORKERS)) {
      for (let i = 0; i < count; i++) this.add(app);
    }
    await this.untilReady();
  }

  /** What a process of this Questlog reads from its environment. */
  get environment(): NodeJS.ProcessEnv {
    return {
      PATH: process.env.PATH,
      NODE_ENV: 'test',
      LOG_LEVEL: 'warn',
      REDIS_URL: this.redis.url,
      KEY_PREFIX: PREFIX,
      SCORES_PARTITIONS: String(PARTITIONS.scores),
      PLAYERS_PARTITIONS: String(PARTITIONS.players),
      RATE_LIMIT: 'off',
      QUOTAS: 'off',
      SERVER_KEYS: KEYS.server,
      ADMIN_KEYS: KEYS.admin,
      CLAIM_IDLE_MS: String(CLAIM_IDLE),
      HOST: '127.0.0.1',
      HEALTH_PORT: '0',
    };
  }

  /** Services that a fault can hit. */
  get gateways(): Service[] {
    return this.targets.filter(({ app }) => app === 'gateway');
  }

  /** Services that a fault can hit. */
  get workers(): Service[] {
    return this.targets.filter(({ app }) => app !== 'gateway');
  }

  /** Workers that another one of the same kind can do without. */
  get spareWorkers(): Service[] {
    return this.workers.filter(({ app }) => this.crew(app).length > 1);
  }

  /** Kinds of workers that there can be one more of. */
  get wantedApps(): string[] {
    return Object.keys(WORKERS).filter(app => this.crew(app).length < MAX_WORKERS);
  }

  add(app: string, environment: NodeJS.ProcessEnv = {}): void {
    if (this.stopping) return;
    const number = (this.started.get(app) ?? 0) + 1;
    this.started.set(app, number);
    const service = new Service({
      name: `${app}-${number}`,
      app,
      dist: this.dist,
      logs: join(this.folder, 'logs'),
      environment: { ...this.environment, ...environment },
      onEnd: ended => this.supervise(ended),
    });
    this.services.push(service);
    service.start();
  }

  /** Takes a service out of the crew for good. */
  async remove(service: Service): Promise<void> {
    service.retired = true;
    const { up } = service;
    const { outages } = this.redis;
    const inOrder = await service.stop();
    // In the middle of a start there is nothing to finish, and without Redis nothing can be finished.
    const excused = !up || outages !== this.redis.outages;
    const difference = `${service.name}: ${service.outcome}; it said: ${service.lastWords()}`;
    this.findings.add('processes end in order when told to', inOrder || excused ? undefined : difference);
  }

  /** @throws Error that names a service which is not ready in time */
  async untilReady(): Promise<void> {
    await this.redis.ready();
    for (const service of this.services) service.thaw();
    await eventually(() => Promise.all(this.crew().map(service => service.assertReady())), START, 250);
  }

  /** Ends all in order: first nobody writes any more, then what was written is projected. */
  async stop(): Promise<void> {
    this.stopping = true;
    await Promise.all(this.crew('gateway').map(service => this.remove(service)));
    await Promise.all(this.crew().map(service => this.remove(service)));
  }

  /** Ends what still runs, however it is. */
  async end(): Promise<void> {
    this.stopping = true;
    for (const service of this.services) {
      service.retired = true;
      service.kill();
    }
    await Promise.all(this.services.map(service => service.ended()));
    await this.redis.stop();
  }

  deleteFolder(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Lines of the services' logs that match. */
  logLines(pattern: RegExp): string[] {
    const lines = this.services.flatMap(({ name, log }) =>
      readFileSync(log, 'utf8')
        .split('\n')
        .map(text => `${name}: ${text}`),
    );
    return lines.filter(text => pattern.test(text));
  }

  private get targets(): Service[] {
    return this.crew().filter(({ running, frozen }) => running && !frozen);
  }

  private crew(app?: string): Service[] {
    return this.services.filter(service => !service.retired && (app === undefined || service.app === app));
  }

  private supervise(service: Service): void {
    if (this.stopping || service.retired) return;
    // A start can fail because of Redis; what has once been up must outlive every outage of it.
    const byItself = service.up && !service.ordered;
    const difference = `${service.name}: ${service.outcome}; it said: ${service.lastWords()}`;
    this.findings.add('no process ends by itself', byItself ? difference : undefined);
    void restart(service, 200);
  }
}
