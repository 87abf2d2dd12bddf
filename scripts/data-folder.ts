import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { acceptsConnections, answersPing, createFolder, notWritableMessage } from '#libs/embedded-redis';

/** The data folder cannot be used. The message says what to do. */
export class DataFolderError extends Error {
  readonly code = 'DATA_FOLDER';
  override readonly name = 'DataFolderError';
}

/** Clears the credentials in `.env`, which are for another server: the embedded Redis has no password. */
export const EMBEDDED_REDIS_SETTINGS = {
  REDIS_USERNAME: '',
  REDIS_PASSWORD: '',
  REDIS_PASSWORD_FILE: '',
  REDIS_TLS: '',
};

/** The content of the lock file: the process that uses the data folder. */
interface LockHolder {
  readonly pid: number;
  /** The port of the embedded Redis. */
  readonly port: number;
  /** A port that the process listens on until it exits. After a crash another process can have the same process id. */
  readonly guard?: number;
}

/** How long to wait for the Redis of a dead process, which notices the death and shuts down. */
const ORPHAN_EXIT_TIMEOUT_MS = 10_000;

export interface Keys {
  readonly server: string;
  readonly admin: string;
}

/** The folder of `npm start`: the files of the embedded Redis, the generated keys, and a lock. */
export class DataFolder {
  private readonly lockFile: string;

  /** @throws DataFolderError when the folder cannot be made */
  constructor(readonly path: string) {
    this.lockFile = join(path, 'lock.json');
    this.tryToWrite(() => createFolder(path));
  }

  get redisFolder(): string {
    return join(this.path, 'redis');
  }

  /** Loads the server key and the admin key. The first call generates them and stores them with mode 0600. */
  loadKeys(): Keys {
    const file = join(this.path, 'keys.json');
    const known = existsSync(file) && readKeys(file);
    if (known) return known;
    const keys = { server: createKey(), admin: createKey() };
    this.tryToWrite(() => {
      // Written to a temporary file first, so that a full disk cannot leave an incomplete file.
      const whole = `${file}.new`;
      writeFileSync(whole, `${JSON.stringify(keys, null, 2)}\n`, { mode: 0o600 });
      chmodSync(whole, 0o600);
      renameSync(whole, file);
    });
    return keys;
  }

  /**
   * Locks the folder for this process. Two servers that share an append-only file would destroy it.
   *
   * @param port the port of the embedded Redis
   * @throws DataFolderError when another process uses the folder
   */
  async acquireLock(port: number): Promise<void> {
    const holder = this.readLock();
    if (holder && (await isInUse(holder))) {
      throw new DataFolderError(
        `${this.path} is in use by another \`npm start\` (process ${holder.pid}): stop that one, or set DATA_DIR to another folder`,
      );
    }
    const guard = await listenUntilExit();
    this.tryToWrite(() => writeFileSync(this.lockFile, JSON.stringify({ pid: process.pid, port, guard })));
  }

  /** The URL of the embedded Redis of a running `npm start`; undefined when none is running. */
  get redisUrl(): string | undefined {
    const holder = this.readLock();
    return holder && isAlive(holder.pid) ? `redis://127.0.0.1:${holder.port}` : undefined;
  }

  releaseLock(): void {
    if (this.readLock()?.pid === process.pid) rmSync(this.lockFile, { force: true });
  }

  private readLock(): LockHolder | undefined {
    try {
      return JSON.parse(readFileSync(this.lockFile, 'utf8')) as LockHolder;
    } catch {
      return undefined;
    }
  }

  private tryToWrite(write: () => void): void {
    try {
      write();
    } catch (error) {
      throw new DataFolderError(`DATA_DIR=${this.path}: ${notWritableMessage(this.path, error)}`);
    }
  }
}

/** @returns undefined for an empty file. @throws DataFolderError when the file cannot be read or does not contain keys */
function readKeys(file: string): Keys | undefined {
  const text = readText(file);
  if (text.trim() === '') return undefined;
  try {
    const { server, admin } = JSON.parse(text) as Partial<Keys>;
    if (server && admin) return { server, admin };
  } catch {
    // Reported below.
  }
  throw new DataFolderError(
    `${file} does not contain the keys: restore it from a backup, or delete it to generate new keys (the old ones then stop working)`,
  );
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new DataFolderError(
      `${file} cannot be read (${(error as Error).message}): give this user permission to read it, or set SERVER_KEYS and ADMIN_KEYS`,
    );
  }
}

/** A Redis that is frozen, loading, or restarting does not answer, but still uses the folder. */
async function isInUse({ pid, port, guard }: LockHolder): Promise<boolean> {
  if (isAlive(pid)) return (await isListening(port)) || (await isListening(guard));
  for (const until = performance.now() + ORPHAN_EXIT_TIMEOUT_MS; performance.now() < until; await delay(100))
    if (!(await isListening(port)) || !(await answersPing(port))) return false;
  return true;
}

const isListening = async (port: number | undefined) =>
  Number.isInteger(port) && acceptsConnections(port as number);

/** @returns a port of loopback that this process listens on until it exits */
async function listenUntilExit(): Promise<number> {
  const server = createServer(socket => socket.destroy()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  server.unref();
  return (server.address() as AddressInfo).port;
}

const createKey = () => randomBytes(24).toString('base64url');

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code === 'EPERM';
  }
}
