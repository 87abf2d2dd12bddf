import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '#libs/embedded-redis';
import { eventually } from '../eventually.js';
import { makeCertificates, tlsSettings } from './certificates.js';

const CLUSTER = [
  'cluster-enabled yes',
  'tls-cluster yes',
  'cluster-announce-hostname localhost',
  'cluster-preferred-endpoint-type hostname',
  'user founder on nopass -@all +cluster',
];

/** A Redis that speaks TLS, with a certificate of a CA made for it, and has no users but those of its rules. */
export class TlsRedis {
  private constructor(
    private readonly process: ChildProcess,
    private readonly folder: string,
    /** For TLS. */
    readonly port: number,
    /** For clear text. */
    readonly clearPort: number,
  ) {}

  /**
   * @param users ACL rules, a line each
   * @param isCluster makes it the only node of a cluster, which calls itself localhost
   */
  static async start(users: readonly string[], isCluster = false): Promise<TlsRedis> {
    const folder = mkdtempSync(join(tmpdir(), 'questlog-tls-'));
    const [port, clearPort] = [await freePort(), await freePort()];
    makeCertificates(folder);
    const settings = [
      ...[`tls-port ${port}`, `port ${clearPort}`, 'bind 127.0.0.1', `dir ${folder}`, 'logfile redis.log'],
      ...tlsSettings(folder),
      ...['appendonly yes', 'save ""', 'user default off', ...users],
      ...(isCluster ? [...CLUSTER, `cluster-port ${await freePort()}`] : []),
    ];
    writeFileSync(join(folder, 'redis.conf'), settings.join('\n'));
    const child = spawn('redis-server', [join(folder, 'redis.conf')], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const redis = new TlsRedis(child, folder, port, clearPort);
    await eventually(() => redis.assertAnswers());
    if (isCluster) redis.takeAllSlots();
    return redis;
  }

  /** The file of the certificate that a client must trust. */
  get ca(): string {
    return join(this.folder, 'ca.pem');
  }

  async stop(): Promise<void> {
    this.process.kill('SIGTERM');
    if (this.process.exitCode === null) await once(this.process, 'exit');
    rmSync(this.folder, { recursive: true, force: true });
  }

  private assertAnswers(): void {
    const { stdout } = spawnSync('redis-cli', ['-p', String(this.clearPort), 'PING']);
    if (!stdout.toString().includes('NOAUTH')) throw new Error(`no Redis at port ${this.clearPort}`);
  }

  private takeAllSlots(): void {
    const user = ['-p', String(this.clearPort), '--user', 'founder', '--pass', 'any', '--no-auth-warning'];
    const { stdout } = spawnSync('redis-cli', [...user, 'CLUSTER', 'ADDSLOTSRANGE', '0', '16383']);
    if (!stdout.toString().includes('OK')) throw new Error(`no cluster: ${stdout}`);
  }
}
