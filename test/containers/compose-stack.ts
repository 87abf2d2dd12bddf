import { execFile, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { freePort } from '#libs/embedded-redis';
import { Client } from '../e2e/support/client.js';

const execute = promisify(execFile);

/** As `docker compose ps` shows one. */
export interface Container {
  readonly Name: string;
  readonly Service: string;
  readonly State: string;
  readonly Health: string;
  readonly ExitCode: number;
}

/** Whether containers can be run here. `TEST_REDIS_IMAGE=none` says that they shall not. */
export function hasCompose(): boolean {
  if (process.env.TEST_REDIS_IMAGE === 'none') return false;
  const answers = (...args: string[]) => spawnSync('docker', args, { timeout: 10_000 }).status === 0;
  return answers('info') && answers('compose', 'version');
}

/** Questlog in containers as its user runs it, under a project name, with keys and on ports of its own. */
export class ComposeStack {
  readonly keys = { server: randomBytes(16).toString('hex'), admin: randomBytes(16).toString('hex') };
  private readonly password = randomBytes(16).toString('hex');
  private readonly clients: Client[] = [];

  private constructor(
    private readonly files: readonly string[],
    private readonly project: string,
    readonly port: number,
    private readonly redisPort: number,
  ) {}

  /** @param files of compose, the later ones over the earlier ones. Nothing is started yet. */
  static async of(...files: string[]): Promise<ComposeStack> {
    const project = `questlog-test-${randomBytes(4).toString('hex')}`;
    return new ComposeStack(files, project, await freePort(), await freePort());
  }

  /** @returns what it prints. @throws Error with what it says when it fails */
  compose(...args: string[]): Promise<string> {
    const files = this.files.flatMap(file => ['--file', file]);
    return this.docker('compose', ...files, '--project-name', this.project, ...args);
  }

  async docker(...args: string[]): Promise<string> {
    const env = {
      ...process.env,
      // The README's tour plays on a board before it defines it.
      BOARDS: 'open',
      PORT: String(this.port),
      REDIS_PORT: String(this.redisPort),
      REDIS_PASSWORD: this.password,
      SERVER_KEYS: this.keys.server,
      ADMIN_KEYS: this.keys.admin,
    };
    const { stdout } = await execute('docker', args, { env, maxBuffer: 16 * 1024 * 1024 });
    return stdout;
  }

  /** The containers of a service, also those that have ended; of all without one. */
  async containers(...services: string[]): Promise<Container[]> {
    const lines = await this.compose('ps', '--all', '--format', 'json', ...services);
    return lines
      .trim()
      .split('\n')
      .map(line => JSON.parse(line));
  }

  get server(): Client {
    return this.connect(this.keys.server);
  }

  get admin(): Client {
    return this.connect(this.keys.admin);
  }

  /** Ends it, and deletes its data. */
  async close(): Promise<void> {
    for (const client of this.clients) client.close();
    await this.compose('down', '--volumes', '--remove-orphans');
  }

  private connect(key: string): Client {
    const client = new Client(this.port, key);
    this.clients.push(client);
    return client;
  }
}
