import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createFolder } from './create-folder.js';
import { diskFullMessage, exitReason } from './exit-reason.js';

/** A server that does not answer PING in this time counts as frozen. */
const PING_TIMEOUT_MS = 500;
/** How long a server may take to shut down before it is killed. */
const STOP_TIMEOUT_MS = 15_000;
const UNRESPONSIVE_STOP_TIMEOUT_MS = 500;

/** The embedded Redis cannot be started; the message says what to do. */
export class EmbeddedRedisError extends Error {
  readonly code = 'EMBEDDED_REDIS';
  override readonly name = 'EmbeddedRedisError';
}

export interface EmbeddedRedisOptions {
  /** Holds the append-only file, the configuration, and the log of the server. Created if missing. */
  readonly folder: string;
  /** Default: a free port. */
  readonly port?: number;
  /** Lines to append to redis.conf. They override the defaults. */
  readonly extraSettings?: readonly string[];
  /** Called every five seconds with a message while the server is loading its data. */
  readonly onProgress?: (message: string) => void;
}

/**
 * Runs the server, and stops it when standard input closes. That also happens when the parent process dies, however it
 * dies. `read` is a shell builtin, so no extra process can be left behind. CONT follows TERM because a stopped process
 * handles TERM only after it continues.
 */
const WATCHDOG_SCRIPT = `exec 3<&0
"$0" "$1" </dev/null & server=$!
(read -r _ <&3; kill -TERM $server; kill -CONT $server) 2>/dev/null & watcher=$!
wait $server; status=$?
kill $watcher 2>/dev/null
exit $status`;

/** A Redis or Valkey server that runs as a child process. It listens on loopback and syncs every write to disk before it replies. */
export class EmbeddedRedis {
  private constructor(
    private readonly shell: ChildProcess,
    readonly port: number,
    /** Path of the server binary. */
    readonly binary: string,
    private readonly folder: string,
  ) {}

  /** @throws EmbeddedRedisError when no server is installed, the folder is not writable, or the server does not start */
  static async start({
    folder,
    port,
    extraSettings,
    onProgress,
  }: EmbeddedRedisOptions): Promise<EmbeddedRedis> {
    const binary = findBinary();
    const chosen = port ?? (await freePort());
    const configuration = writeConfiguration(folder, chosen, extraSettings);
    const shell = spawn('sh', ['-c', WATCHDOG_SCRIPT, binary, configuration], {
      stdio: ['pipe', 'ignore', 'ignore'],
      // Its own process group, so that Ctrl-C reaches only the parent, which shuts everything down in order.
      detached: true,
    });
    const redis = new EmbeddedRedis(shell, chosen, binary, folder);
    await redis.waitUntilReady(onProgress);
    return redis;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  private get logPath(): string {
    return join(this.folder, 'redis.log');
  }

  private get isRunning(): boolean {
    return this.shell.exitCode === null && this.shell.signalCode === null;
  }

  /** Resolves when the server has exited. @returns the reason */
  async waitForExit(): Promise<string> {
    if (this.isRunning) await once(this.shell, 'exit');
    return exitReason(this.shell.exitCode, this.shell.signalCode, this.folder, this.logPath);
  }

  /** Shuts the server down. One that does not respond is killed, which is safe: every acknowledged write is on disk. */
  async stop(): Promise<void> {
    const isUnresponsive = (await replyToPing(this.port, PING_TIMEOUT_MS)) === undefined;
    this.shell.stdin?.end();
    const killTimer = setTimeout(
      () => this.kill(),
      isUnresponsive ? UNRESPONSIVE_STOP_TIMEOUT_MS : STOP_TIMEOUT_MS,
    );
    await this.waitForExit();
    clearTimeout(killTimer);
  }

  /** Kills the process group: the server and the shell that watches it. */
  private kill(): void {
    if (this.shell.pid !== undefined && this.isRunning) process.kill(-this.shell.pid, 'SIGKILL');
  }

  private async waitUntilReady(onWait: EmbeddedRedisOptions['onProgress']): Promise<void> {
    for (let waited = 0; !(await answersPing(this.port)); waited += 50) {
      if (!this.isRunning) {
        throw new EmbeddedRedisError(
          `${this.binary} exited during startup (${await this.waitForExit()}): see ${this.logPath}`,
        );
      }
      if (waited > 0 && waited % 5_000 === 0)
        onWait?.(`${this.binary} is still loading its data; see ${this.logPath}`);
      await delay(50);
    }
  }
}

/** @throws EmbeddedRedisError when no server is installed; the message has the commands that install one */
function findBinary(): string {
  const found = spawnSync('sh', ['-c', 'command -v redis-server || command -v valkey-server']);
  const binary = found.stdout?.toString().trim();
  if (binary) return binary;
  throw new EmbeddedRedisError(
    'there is no redis-server on this machine. Install one with `npm run setup`, or yourself: ' +
      '`apt-get install redis-server` (Debian, Ubuntu), `dnf install valkey` (Fedora), `brew install redis` (macOS). ' +
      'Or set REDIS_URL to use a server elsewhere.',
  );
}

function writeConfiguration(folder: string, port: number, extraSettings: readonly string[] = []): string {
  const absolute = resolve(folder);
  const path = join(absolute, 'redis.conf');
  const settings = [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir "${absolute}"`,
    `logfile "${join(absolute, 'redis.log')}"`,
    'appendonly yes',
    'appendfsync always',
    'save ""',
    'maxmemory-policy noeviction',
    ...extraSettings,
  ];
  try {
    createFolder(absolute);
    writeFileSync(
      path,
      `# Generated by Questlog at every start; changes are overwritten.\n${settings.join('\n')}\n`,
    );
  } catch (error) {
    throw new EmbeddedRedisError(notWritableMessage(absolute, error));
  }
  return path;
}

/** The message for a data folder (or a folder in it) that cannot be created or written, with what to do. */
export function notWritableMessage(folder: string, error: unknown): string {
  const remedy =
    diskFullMessage(folder) ??
    'set DATA_DIR to a folder that this user can create or write to, on a disk with free space';
  return `the data folder cannot be written (${(error as Error).message}): ${remedy}`;
}

/** True when the Redis on this port of loopback answers PING, which it does not while it is loading. */
export async function answersPing(port: number): Promise<boolean> {
  return (await replyToPing(port, 1_000))?.startsWith('+PONG') ?? false;
}

/** True when a process listens on this port of loopback, even a server that is frozen or still loading. */
export function acceptsConnections(port: number): Promise<boolean> {
  return new Promise(done => {
    const socket = connect(port, '127.0.0.1', () => {
      done(true);
      socket.destroy();
    });
    socket.once('error', () => done(false));
  });
}

/** @returns undefined when no server listens on the port or none replies in time */
function replyToPing(port: number, timeoutMs: number): Promise<string | undefined> {
  return new Promise(done => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    socket.setTimeout(timeoutMs, () => socket.destroy());
    socket.once('data', data => {
      done(data.toString());
      socket.destroy();
    });
    socket.once('error', () => {});
    socket.once('close', () => done(undefined));
  });
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
