import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '#libs/embedded-redis';
import { eventually } from '#libs/testing';
import { Client } from './client.js';

/** Time for a start on a busy machine. */
const START_MS = 30_000;

/** A player with a session. */
export interface Guest {
  readonly playerId: string;
  readonly token: string;
  readonly secret: string;
  readonly client: Client;
  /** The headers of a browser that has the cookie. */
  readonly browser: { readonly Cookie: string };
}

/** A system that was started with `npm start`: its address, its keys, and clients for it. */
export abstract class RunningSystem {
  private readonly clients: Client[] = [];

  protected constructor(
    readonly folder: string,
    readonly port: number,
  ) {}

  /** What it has printed so far. */
  abstract get output(): string;

  /** A new client with the server's key. */
  get client(): Client {
    return this.connect(this.keys.server);
  }

  /** As `client`, with the admin's key. */
  get admin(): Client {
    return this.connect(this.keys.admin);
  }

  /** A new client with a key, a token or nothing; `close` closes it. */
  connect(key?: string, port = this.port): Client {
    const client = new Client(port, key);
    this.clients.push(client);
    return client;
  }

  /** A new player. */
  async guest(): Promise<Guest> {
    const { status, headers, body } = await this.connect().post('/v1/sessions', {});
    if (status !== 201) throw new Error(`no guest, but ${status}: ${JSON.stringify(body)}`);
    const [cookie = ''] = headers['set-cookie'] ?? [];
    return { ...body, client: this.connect(body.token), browser: { Cookie: cookie.split(';')[0] ?? '' } };
  }

  get keys(): { server: string; admin: string } {
    return JSON.parse(readFileSync(join(this.folder, 'keys.json'), 'utf8'));
  }

  /** The address of the embedded Redis, from the output. */
  get redisUrl(): string {
    const [, port] = /embedded \S+, port (\d+)/.exec(this.output) ?? [];
    return `redis://127.0.0.1:${port}`;
  }

  /** The port of a worker's health endpoint, from the output. */
  healthPort(worker: string): number {
    const [, port] =
      new RegExp(`${worker} is working; its health is at http://127.0.0.1:(\\d+)`).exec(this.output) ?? [];
    return Number(port);
  }

  /** Closes the clients. */
  async close(): Promise<void> {
    for (const client of this.clients) client.close();
  }
}

/**
 * The system that all files with default settings share (`global-system.ts`). Others use it at the same time, so a test
 * needs boards and players with names of its own, and must not stop anything.
 */
export class SharedSystem extends RunningSystem {
  constructor() {
    const { SHARED_SYSTEM_FOLDER: folder = '', SHARED_SYSTEM_PORT: port } = process.env;
    super(folder, Number(port));
  }

  override get output(): string {
    return readFileSync(join(this.folder, 'output'), 'utf8');
  }
}

/** A system of a test's own: its processes can be killed. */
export class System extends RunningSystem {
  override output = '';

  private constructor(
    readonly process: ChildProcess,
    folder: string,
    port: number,
  ) {
    super(folder, port);
    const collect = (chunk: Buffer) => {
      this.output += chunk.toString();
    };
    process.stdout?.on('data', collect);
    process.stderr?.on('data', collect);
  }

  /** Starts it from `dist` without waiting until it is up. */
  static async spawn(environment: NodeJS.ProcessEnv = {}): Promise<System> {
    const folder = environment.DATA_DIR ?? mkdtempSync(join(tmpdir(), 'questlog-e2e-'));
    const port = Number(environment.PORT ?? (await freePort()));
    const child = spawn(process.execPath, ['dist/scripts/start.js'], {
      env: { PATH: process.env.PATH, DATA_DIR: folder, PORT: String(port), ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return new System(child, folder, port);
  }

  /** Starts it, and waits until it is up. */
  static async start(environment: NodeJS.ProcessEnv = {}): Promise<System> {
    const system = await System.spawn(environment);
    await system.says('Questlog is up');
    return system;
  }

  async says(text: string, within = START_MS): Promise<void> {
    await eventually(() => {
      if (this.output.includes(text)) return;
      if (this.process.exitCode !== null)
        throw new Error(`it ended instead of saying "${text}":\n${this.output}`);
      throw new Error(`it does not say "${text}":\n${this.output}`);
    }, within);
  }

  /** Its processes except the launcher, by name: the launcher's children, and the Redis on its port. */
  pids(): Record<string, number> {
    const found: Record<string, number> = {};
    for (const { pid, parent, command } of processes()) {
      if (command.startsWith('sh ')) continue;
      const [, app] = /dist\/apps\/([\w-]+)\//.exec(command) ?? [];
      if (app && parent === this.process.pid) found[app] = pid;
      else if (new RegExp(`(redis|valkey)-server 127.0.0.1:${this.redisUrl.split(':').pop()}$`).test(command))
        found.redis = pid;
    }
    return found;
  }

  /** Stops it as Ctrl-C does. @returns the exit status */
  async stop(signal: NodeJS.Signals = 'SIGINT'): Promise<number | null> {
    if (this.process.exitCode === null && this.process.signalCode === null) {
      this.process.kill(signal);
      await once(this.process, 'exit');
    }
    return this.process.exitCode;
  }

  /** Stops it, checks that it left no process behind, and deletes its data. */
  override async close(): Promise<void> {
    await super.close();
    await this.stop();
    await eventually(() => expect(orphans()).toEqual([]), 20_000);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

interface ProcessLine {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}

/** All processes: from /proc on Linux, which may have no `ps`, otherwise from `ps`. */
export function processes(): ProcessLine[] {
  if (existsSync('/proc/self/stat')) return readdirSync('/proc').flatMap(processOf);
  const { stdout } = spawnSync('ps', ['-axo', 'pid=,ppid=,command='], { maxBuffer: 16 * 1024 * 1024 });
  return [...stdout.toString().matchAll(/^\s*(\d+)\s+(\d+)\s+(.*?)\s*$/gm)].map(
    ([, pid, parent, command = '']) => ({
      pid: Number(pid),
      parent: Number(parent),
      command,
    }),
  );
}

function processOf(pid: string): ProcessLine[] {
  if (!/^\d+$/.test(pid)) return [];
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name before it, in parentheses, can contain anything.
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    return [
      { pid: Number(pid), parent: Number(parent), command: state === 'Z' ? `${line} <defunct>` : line },
    ];
  } catch {
    // The process has ended in the meantime.
    return [];
  }
}

/** Services whose launcher is gone. */
function orphans(): ProcessLine[] {
  return processes().filter(({ parent, command }) => parent === 1 && command.includes('dist/apps/'));
}

export function isRunning(pid: number): boolean {
  return processes().some(line => line.pid === pid && !line.command.includes('<defunct>'));
}
