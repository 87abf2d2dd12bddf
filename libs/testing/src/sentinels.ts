import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { answersPing, EmbeddedRedis, freePort } from '#libs/embedded-redis';
import { createClient, type SentinelAddress } from '#libs/redis';
import { eventually } from './eventually.js';

const MASTER = 'questlog';
/** Milliseconds of silence after which a Sentinel holds a server for dead. */
const SILENCE = 500;

/** A master and its replica on loopback, and a Sentinel that chooses between them. */
export class SentinelSetup {
  private constructor(
    private readonly folder: string,
    private readonly servers: readonly EmbeddedRedis[],
    private readonly sentinel: ChildProcess,
    private readonly port: number,
  ) {}

  static async start(): Promise<SentinelSetup> {
    const folder = mkdtempSync(join(tmpdir(), 'questlog-sentinel-'));
    const master = await EmbeddedRedis.start({ folder: join(folder, 'master') });
    const replica = await EmbeddedRedis.start({
      folder: join(folder, 'replica'),
      settings: [`replicaof 127.0.0.1 ${master.port}`, 'repl-diskless-sync-delay 0'],
    });
    const port = await freePort();
    const settings = [
      ...[`port ${port}`, 'bind 127.0.0.1', `dir ${folder}`, `logfile ${join(folder, 'sentinel.log')}`],
      `sentinel monitor ${MASTER} 127.0.0.1 ${master.port} 1`,
      `sentinel down-after-milliseconds ${MASTER} ${SILENCE}`,
      `sentinel failover-timeout ${MASTER} 3000`,
    ];
    writeFileSync(join(folder, 'sentinel.conf'), settings.join('\n'));
    const sentinel = spawn(master.binary, [join(folder, 'sentinel.conf'), '--sentinel'], { stdio: 'ignore' });
    const setup = new SentinelSetup(folder, [master, replica], sentinel, port);
    await setup.untilReady(replica);
    return setup;
  }

  get address(): SentinelAddress {
    return { sentinels: [`127.0.0.1:${this.port}`], master: MASTER };
  }

  /** Kills the server that is the master at first. */
  async killMaster(): Promise<void> {
    const [master] = this.servers as [EmbeddedRedis];
    const pid = /^process_id:(\d+)/m.exec(await infoOf(master.port, 'server'))?.[1];
    process.kill(Number(pid), 'SIGKILL');
    await master.ended();
  }

  async stop(): Promise<void> {
    this.sentinel.kill('SIGTERM');
    if (this.sentinel.exitCode === null) await once(this.sentinel, 'exit');
    await Promise.all(this.servers.map(server => server.stop()));
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Settles when the replica has all that the master has, and the Sentinel knows of both. */
  private async untilReady(replica: EmbeddedRedis): Promise<void> {
    const untilItSays = (text: string, port: number, section: string) =>
      eventually(async () => {
        const info = await infoOf(port, section);
        if (!info.includes(text)) throw new Error(`no ${text} in:\n${info}`);
      }, 20_000);
    await untilItSays('master_link_status:up', replica.port, 'replication');
    await eventually(async () => {
      if (!(await answersPing(this.port))) throw new Error('no Sentinel');
    }, 20_000);
    await untilItSays('slaves=1', this.port, 'sentinel');
  }
}

async function infoOf(port: number, section: string): Promise<string> {
  const redis = createClient(`redis://127.0.0.1:${port}`, 'test');
  try {
    await redis.connect();
    return await redis.info(section);
  } finally {
    redis.disconnect();
  }
}
