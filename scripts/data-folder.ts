import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { acceptsConnections, answersPing, createFolder, notWritableMessage } from '#libs/embedded-redis';

/** The data folder cannot be used; the message says what to do. */
export class DataFolderError extends Error {
  readonly code = 'DATA_FOLDER';
  override readonly name = 'DataFolderError';
}

/** The embedded Redis is on loopback, without a password; one in `.env` is for another. */
export const EMBEDDED_ACCESS = {
  REDIS_USERNAME: '',
  REDIS_PASSWORD: '',
  REDIS_PASSWORD_FILE: '',
  REDIS_TLS: '',
};

/** Who uses a data folder. */
interface Holder {
  readonly pid: number;
  /** Where the embedded Redis listens. */
  readonly port: number;
  /** Where the process itself listens for as long as it lives: another one can have its id after a crash. */
  readonly guard?: number;
}

/** Milliseconds for the Redis of a process that died to end: it notices that by itself. */
const ORPHAN_MS = 10_000;

export interface Keys {
  readonly server: string;
  readonly admin: string;
}

/** What `npm start` keeps: the embedded Redis's files, the generated keys, and who uses the folder now. */
export class DataFolder {
  private readonly lock: string;

  /** @throws DataFolderError when the folder cannot be made */
  constructor(readonly path: string) {
    this.lock = join(path, 'lock.json');
    this.attempt(() => createFolder(path));
  }

  get redis(): string {
    return join(this.path, 'redis');
  }

  /** The generated keys, made at the first start and kept for their owner's eyes only. */
  keys(): Keys {
    const file = join(this.path, 'keys.json');
    const known = existsSync(file) && readKeys(file);
    if (known) return known;
    const keys = { server: secret(), admin: secret() };
    this.attempt(() => {
      // A full disk must not leave half of them.
      const whole = `${file}.new`;
      writeFileSync(whole, `${JSON.stringify(keys, null, 2)}\n`, { mode: 0o600 });
      chmodSync(whole, 0o600);
      renameSync(whole, file);
    });
    return keys;
  }

  /**
   * Takes the folder for this process: two servers on one append-only file would destroy it.
   *
   * @param port the embedded Redis's
   * @throws DataFolderError when another one uses it
   */
  async take(port: number): Promise<void> {
    const holder = this.holder();
    if (holder && (await isInUse(holder))) {
      throw new DataFolderError(
        `${this.path} is in use by another \`npm start\` (process ${holder.pid}): stop that one, or set DATA_DIR to another folder`,
      );
    }
    const guard = await listenWhileAlive();
    this.attempt(() => writeFileSync(this.lock, JSON.stringify({ pid: process.pid, port, guard })));
  }

  /** Where the embedded Redis of a running `npm start` listens. */
  get redisUrl(): string | undefined {
    const holder = this.holder();
    return holder && isAlive(holder.pid) ? `redis://127.0.0.1:${holder.port}` : undefined;
  }

  release(): void {
    if (this.holder()?.pid === process.pid) rmSync(this.lock, { force: true });
  }

  private holder(): Holder | undefined {
    try {
      return JSON.parse(readFileSync(this.lock, 'utf8')) as Holder;
    } catch {
      return undefined;
    }
  }

  private attempt(write: () => void): void {
    try {
      write();
    } catch (error) {
      throw new DataFolderError(`DATA_DIR=${this.path}: ${notWritableMessage(this.path, error)}`);
    }
  }
}

/** @returns nothing for an empty file. @throws DataFolderError for one that holds something else, or cannot be read */
function readKeys(file: string): Keys | undefined {
  const text = textOf(file);
  if (text.trim() === '') return undefined;
  try {
    const { server, admin } = JSON.parse(text) as Partial<Keys>;
    if (server && admin) return { server, admin };
  } catch {
    // It is said below.
  }
  throw new DataFolderError(
    `${file} does not hold the keys any more: take it from a backup; or delete it, then there will be new keys, and the old ones are refused`,
  );
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new DataFolderError(
      `${file} cannot be read (${(error as Error).message}): let this user read it, or set SERVER_KEYS and ADMIN_KEYS`,
    );
  }
}

/** A Redis that is frozen, loading, or being started again does not answer, and still has the folder. */
async function isInUse({ pid, port, guard }: Holder): Promise<boolean> {
  if (isAlive(pid)) return (await isListening(port)) || (await isListening(guard));
  for (const until = performance.now() + ORPHAN_MS; performance.now() < until; await delay(100))
    if (!(await isListening(port)) || !(await answersPing(port))) return false;
  return true;
}

const isListening = async (port: number | undefined) =>
  Number.isInteger(port) && acceptsConnections(port as number);

/** @returns a port of loopback on which this process listens until it ends */
async function listenWhileAlive(): Promise<number> {
  const server = createServer(socket => socket.destroy()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  server.unref();
  return (server.address() as AddressInfo).port;
}

const secret = () => randomBytes(24).toString('base64url');

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code === 'EPERM';
  }
}
