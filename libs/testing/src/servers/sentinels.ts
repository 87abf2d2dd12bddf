import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { answersPing, EmbeddedRedis, freePort } from '#libs/embedded-redis';
import { createClient, type SentinelAddress } from '#libs/redis';
import { eventually } from '../eventually.js';
import { makeCertificates, tlsSettings } from './certificates.js';

const MASTER = 'questlog';
/** Milliseconds of silence after which a Sentinel holds a server for dead. */
const SILENCE = 500;

/** Users, as ACL rules. All who have no name here must use TLS and a password. */
export interface SentinelUsers {
  /** Of the servers. */
  readonly servers: readonly string[];
  /** Of the Sentinel. */
  readonly sentinel: readonly string[];
}

/** The setup itself looks in clear text how its servers are; they trust each other with a password of their own. */
const LOOKER = 'user default on nopass -@all +ping +info +client|setname';
const PEER = 'user peer on >peer-peer-peer allchannels +@all';

/** A master and its replica on loopback, and a Sentinel that chooses between them. */
export class SentinelSetup {
  private constructor(
    private readonly folder: string,
    private readonly servers: readonly EmbeddedRedis[],
    private readonly sentinel: ChildProcess,
    /** Of the Sentinel, for clear text. */
    private readonly clearPort: number,
    /** Of the Sentinel, for Questlog. */
    private readonly port: number,
  ) {}

  /** @param users makes all of them speak TLS, and let nobody else do anything */
  static async start(users?: SentinelUsers): Promise<SentinelSetup> {
    const folder = mkdtempSync(join(tmpdir(), 'questlog-sentinel-'));
    if (users) makeCertificates(folder);
    const secured = async (rules: readonly string[]) => {
      const port = await freePort();
      return {
        port,
        settings: [`tls-port ${port}`, 'tls-replication yes', ...tlsSettings(folder), ...rules],
      };
    };
    const ofServer = async () => {
      if (!users) return { port: undefined, settings: [] };
      const peers = ['masteruser peer', 'masterauth peer-peer-peer'];
      return secured([LOOKER, PEER, ...peers, ...users.servers]);
    };
    const first = await ofServer();
    const master = await EmbeddedRedis.start({
      folder: join(folder, 'master'),
      extraSettings: first.settings,
    });
    const masterPort = first.port ?? master.port;
    const replica = await EmbeddedRedis.start({
      folder: join(folder, 'replica'),
      extraSettings: [
        `replicaof 127.0.0.1 ${masterPort}`,
        'repl-diskless-sync-delay 0',
        ...(await ofServer()).settings,
      ],
    });
    const clearPort = await freePort();
    const own = users && (await secured([LOOKER, ...users.sentinel]));
    const settings = [
      ...[`port ${clearPort}`, 'bind 127.0.0.1', `dir ${folder}`, `logfile ${join(folder, 'sentinel.log')}`],
      ...(own?.settings ?? []),
      `sentinel monitor ${MASTER} 127.0.0.1 ${masterPort} 1`,
      ...(own ? [`sentinel auth-user ${MASTER} peer`, `sentinel auth-pass ${MASTER} peer-peer-peer`] : []),
      `sentinel down-after-milliseconds ${MASTER} ${SILENCE}`,
      `sentinel failover-timeout ${MASTER} 3000`,
    ];
    writeFileSync(join(folder, 'sentinel.conf'), settings.join('\n'));
    const sentinel = spawn(master.binary, [join(folder, 'sentinel.conf'), '--sentinel'], { stdio: 'ignore' });
    const port = own?.port ?? clearPort;
    const setup = new SentinelSetup(folder, [master, replica], sentinel, clearPort, port);
    await setup.untilReady(replica);
    return setup;
  }

  get address(): SentinelAddress {
    return { sentinels: [`127.0.0.1:${this.port}`], master: MASTER };
  }

  /** The file of the certificate that a client must trust, if there is one. */
  get ca(): string {
    return join(this.folder, 'ca.pem');
  }

  /** Kills the server that is the master at first. */
  async killMaster(): Promise<void> {
    const [master] = this.servers as [EmbeddedRedis];
    const pid = /^process_id:(\d+)/m.exec(await infoOf(master.port, 'server'))?.[1];
    process.kill(Number(pid), 'SIGKILL');
    await master.waitForExit();
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
      if (!(await answersPing(this.clearPort))) throw new Error('no Sentinel');
    }, 20_000);
    await untilItSays('slaves=1', this.clearPort, 'sentinel');
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
