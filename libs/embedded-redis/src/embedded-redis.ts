import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

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
 * it dies. `read` is a builtin: there is no further process that could be left behind.
 */
const WATCHED = `exec 3<&0
"$0" "$1" </dev/null & server=$!
(read -r _ <&3; kill -TERM $server) 2>/dev/null & watcher=$!
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
    const redis = new EmbeddedRedis(shell, chosen, binary);
    await redis.untilItAnswers(folder, onWait);
    return redis;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Settles when the server has ended, whyever. */
  async ended(): Promise<void> {
    if (this.shell.exitCode === null && this.shell.signalCode === null) await once(this.shell, 'exit');
  }

  /** Ends the server in order. */
  async stop(): Promise<void> {
    this.shell.stdin?.end();
    await this.ended();
  }

  private async untilItAnswers(folder: string, onWait: EmbeddedRedisOptions['onWait']): Promise<void> {
    const log = join(folder, 'redis.log');
    for (let waited = 0; !(await answersPing(this.port)); waited += 50) {
      if (this.shell.exitCode !== null) {
        throw new EmbeddedRedisError(`${this.binary} ended at its start: ${log} says why`);
      }
      if (waited > 0 && waited % 5_000 === 0)
        onWait?.(`${this.binary} is still loading its data; see ${log}`);
      await delay(50);
    }
  }
}

/** @throws EmbeddedRedisError with the command that installs one */
function findBinary(): string {
  const found = spawnSync('sh', ['-c', 'command -v redis-server || command -v valkey-server']);
  const binary = found.stdout.toString().trim();
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
    mkdirSync(absolute, { recursive: true, mode: 0o700 });
    writeFileSync(path, `# Written anew at every start.\n${settings.join('\n')}\n`);
  } catch (error) {
    throw new EmbeddedRedisError(
      `the data folder cannot be written (${(error as Error).message}): set DATA_DIR to one that can`,
    );
  }
  return path;
}

/** True when a server on the port answers PING, and is not still loading. */
export function answersPing(port: number): Promise<boolean> {
  return new Promise(done => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    socket.setTimeout(1_000, () => socket.destroy());
    socket.once('data', data => {
      done(data.toString().startsWith('+PONG'));
      socket.destroy();
    });
    socket.once('error', () => {});
    socket.once('close', () => done(false));
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
