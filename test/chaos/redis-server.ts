import { setTimeout as delay } from 'node:timers/promises';
import { EmbeddedRedis, freePort } from '#libs/embedded-redis';
import { createClient, type RedisClient } from '#libs/redis';
import { eventually } from '#libs/testing';

/** Milliseconds in which a server that was started must answer. */
const START = 30_000;

/** The Redis of a run: on one port and in one folder for good, whatever happens to the server process. */
export class RedisServer {
  /** How often it was away. */
  outages = 0;
  /** Faults come one after the other. */
  private fault = Promise.resolve();

  private constructor(
    private server: EmbeddedRedis,
    private readonly folder: string,
    /** For looking at what it holds. */
    readonly client: RedisClient,
  ) {}

  static async start(folder: string): Promise<RedisServer> {
    const server = await EmbeddedRedis.start({ folder, port: await freePort() });
    const client = createClient(server.url, 'chaos');
    await client.connect();
    return new RedisServer(server, folder, client);
  }

  get url(): string {
    return this.server.url;
  }

  /** Kills the server, and starts another on what the first has left on disk. @param away milliseconds between */
  kill(away: number): Promise<void> {
    return this.hurt(async pid => {
      process.kill(pid, 'SIGKILL');
      await this.server.waitForExit();
      await delay(away);
      this.server = await EmbeddedRedis.start({ folder: this.folder, port: this.server.port });
    });
  }

  /** Lets it neither answer nor refuse for so many milliseconds; then it does all that it was sent meanwhile. */
  freeze(milliseconds: number): Promise<void> {
    return this.hurt(async pid => {
      process.kill(pid, 'SIGSTOP');
      await delay(milliseconds);
      process.kill(pid, 'SIGCONT');
    });
  }

  /** Lets it refuse writes for so many milliseconds, as one that has no memory left. */
  fill(milliseconds: number): Promise<void> {
    return this.reconfigure(
      milliseconds,
      [['CONFIG', 'SET', 'maxmemory', '1']],
      [['CONFIG', 'SET', 'maxmemory', '0']],
    );
  }

  /** Makes it a replica of a master that does not exist: it keeps its data, and refuses writes. */
  demote(milliseconds: number): Promise<void> {
    return this.reconfigure(milliseconds, [['REPLICAOF', '127.0.0.1', '1']], [['REPLICAOF', 'NO', 'ONE']]);
  }

  /** Changes its password and ends all other connections, until the old password (none) holds again. */
  lock(milliseconds: number): Promise<void> {
    const set = (password: string) => ['CONFIG', 'SET', 'requirepass', password];
    return this.reconfigure(milliseconds, [set('changed'), ['CLIENT', 'KILL', 'TYPE', 'normal']], [set('')]);
  }

  /** Settles when the connection for looking works. @throws Error when it does not within a time */
  async ready(): Promise<void> {
    await eventually(() => this.client.ping(), START, 50);
  }

  async stop(): Promise<void> {
    await this.fault.catch(() => {});
    this.client.disconnect();
    await this.server.stop();
  }

  private reconfigure(
    milliseconds: number,
    before: readonly string[][],
    after: readonly string[][],
  ): Promise<void> {
    const send = async (commands: readonly string[][]) => {
      for (const [command = '', ...args] of commands) await this.client.call(command, ...args);
    };
    return this.hurt(async () => {
      await send(before);
      await delay(milliseconds);
      await send(after);
    });
  }

  private hurt(how: (pid: number) => Promise<void>): Promise<void> {
    this.fault = this.fault.then(async () => {
      await this.ready();
      const pid = Number(/^process_id:(\d+)/m.exec(await this.client.info('server'))?.[1]);
      this.outages += 1;
      await how(pid);
      await this.ready();
    });
    return this.fault;
  }
}
