import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { endReason, fullDisk } from './end-reason.js';
import { makeFolder } from './make-folder.js';

/** Milliseconds in which a server answers a PING, unless it is frozen. */
const PING_MS = 500;
/** Milliseconds that a server has to end in order; and one that is silent. */
const GRACE_MS = 15_000;
const SILENT_GRACE_MS = 500;

/** The embedded Redis cannot be started; the message says what to do. */
export class EmbeddedRedisError extends Error {
  readonly code = 'EMBEDDED_REDIS';
  override readonly name = 'EmbeddedRedisError';
}

export interface EmbeddedRedisOptions {
  /** Holds the append-only file, the configuration and the log. Made when it is missing. */
  readonly folder: string;
  /** Unset: a free one. */
  readonly port?: number;
  /** Further lines of the configuration; they go before. */
  readonly settings?: readonly string[];
  /** What goes on in a start that takes long. */
  readonly onWait?: (message: string) => void;
}

/**
 * Ends the server when its standard input closes, which the death of the starting process does too, however
 * it dies. `read` is a builtin: there is no further process that could be left behind. A server that is frozen hears
 * TERM only when it goes on.
 */
const WATCHED = `exec 3<&0
"$0" "$1" </dev/null & server=$!
(read -r _ <&3; kill -TERM $server; kill -CONT $server) 2>/dev/null & watcher=$!
wait $server; status=$?
kill $watcher 2>/dev/null
exit $status`;

/** A Redis (or Valkey) server as a child process, on loopback, with every write on disk before it is acknowledged. */
export class EmbeddedRedis {
  private constructor(
    private readonly shell: ChildProcess,
    readonly port: number,
    /** The server's binary. */
    readonly binary: string,
    private readonly folder: string,
  ) {}

  /** @throws EmbeddedRedisError when there is no binary, the folder cannot be written, or the server does not start */
  static async start({ folder, port, settings, onWait }: EmbeddedRedisOptions): Promise<EmbeddedRedis> {
    const binary = findBinary();
    const chosen = port ?? (await freePort());
    const configuration = configure(folder, chosen, settings);
    const shell = spawn('sh', ['-c', WATCHED, binary, configuration], {
      stdio: ['pipe', 'ignore', 'ignore'],
      // Its own process group: a Ctrl-C at the terminal is for the starting process, which ends things in order.
      detached: true,
    });
    const redis = new EmbeddedRedis(shell, chosen, binary, folder);
    await redis.untilItAnswers(onWait);
    return redis;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  private get log(): string {
    return join(this.folder, 'redis.log');
  }

  private get isRunning(): boolean {
    return this.shell.exitCode === null && this.shell.signalCode === null;
  }

  /** Settles when the server has ended. @returns why */
  async ended(): Promise<string> {
    if (this.isRunning) await once(this.shell, 'exit');
    return endReason(this.shell.exitCode, this.shell.signalCode, this.folder, this.log);
  }

  /** Ends the server in order, or at once where it is silent: all that it acknowledged is on disk. */
  async stop(): Promise<void> {
    const isSilent = (await replyToPing(this.port, PING_MS)) === undefined;
    this.shell.stdin?.end();
    const late = setTimeout(() => this.kill(), isSilent ? SILENT_GRACE_MS : GRACE_MS);
    await this.ended();
    clearTimeout(late);
  }

  /** The server and the shell around it. */
  private kill(): void {
    if (this.shell.pid !== undefined && this.isRunning) process.kill(-this.shell.pid, 'SIGKILL');
  }

  private async untilItAnswers(onWait: EmbeddedRedisOptions['onWait']): Promise<void> {
    for (let waited = 0; !(await answersPing(this.port)); waited += 50) {
      if (!this.isRunning) {
        throw new EmbeddedRedisError(
          `${this.binary} ended at its start (${await this.ended()}): ${this.log} says more`,
        );
      }
      if (waited > 0 && waited % 5_000 === 0)
        onWait?.(`${this.binary} is still loading its data; see ${this.log}`);
      await delay(50);
    }
  }
}

/** @throws EmbeddedRedisError with the command that installs one */
function findBinary(): string {
  const found = spawnSync('sh', ['-c', 'command -v redis-server || command -v valkey-server']);
  const binary = found.stdout?.toString().trim();
  if (binary) return binary;
  throw new EmbeddedRedisError(
    'there is no redis-server on this machine. Install it with `npm run setup`, or yourself: ' +
      '`apt-get install redis-server` (Debian, Ubuntu), `dnf install valkey` (Fedora), `brew install redis` (macOS). ' +
      'Or set REDIS_URL to use one elsewhere.',
  );
}

function configure(folder: string, port: number, further: readonly string[] = []): string {
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
    ...further,
  ];
  try {
    makeFolder(absolute);
    writeFileSync(path, `# Written anew at every start.\n${settings.join('\n')}\n`);
  } catch (error) {
    throw new EmbeddedRedisError(notWritable(absolute, error));
  }
  return path;
}

/** What a start says of a data folder, or of one in it, that cannot be used. */
export function notWritable(folder: string, error: unknown): string {
  const remedy =
    fullDisk(folder) ?? 'set DATA_DIR to a folder that this user may make or write to, on a disk with room';
  return `the data folder cannot be written (${(error as Error).message}): ${remedy}`;
}

/** True when a server on the port answers PING, and is not still loading. */
export async function answersPing(port: number): Promise<boolean> {
  return (await replyToPing(port, 1_000))?.startsWith('+PONG') ?? false;
}

/** True when somebody listens on the port, be it a server that is frozen or still loading. */
export function accepts(port: number): Promise<boolean> {
  return new Promise(done => {
    const socket = connect(port, '127.0.0.1', () => {
      done(true);
      socket.destroy();
    });
    socket.once('error', () => done(false));
  });
}

/** @returns nothing where nobody listens, or answers in time */
function replyToPing(port: number, milliseconds: number): Promise<string | undefined> {
  return new Promise(done => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    socket.setTimeout(milliseconds, () => socket.destroy());
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
