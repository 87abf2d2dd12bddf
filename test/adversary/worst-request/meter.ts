import { request } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import type { RedisClient } from '#libs/redis';
import type { Attack, Role } from './attack.js';

/** Milliseconds until a request without an end is given up. */
const PATIENCE_MS = 10_000;

/** What a request cost. */
export interface Cost {
  readonly status: number;
  /** CPU milliseconds for which the gateway did nothing else. */
  readonly gateway: number;
  /** Milliseconds for which Redis did nothing else, for the gateway. */
  readonly redis: number;
  /** The command that took so long. */
  readonly command: string;
}

/** A command that Redis worked on, as its SLOWLOG has it. */
interface Call {
  readonly name: string;
  /** The same command with the same arguments. */
  readonly text: string;
  readonly ms: number;
}

interface Measured extends Pick<Cost, 'status' | 'gateway'> {
  readonly calls: readonly Call[];
}

/** Sends attacks to a gateway, one at a time, and measures what each costs it and Redis at a stretch. */
export class Meter {
  constructor(
    private readonly port: number,
    private readonly probePort: number,
    private readonly redis: RedisClient,
    private readonly keys: Readonly<Record<Role, string | undefined>>,
  ) {}

  cost(attack: Attack): Promise<Cost> {
    return this.leastCost(attack, 1);
  }

  /**
   * The least of some measurements: a machine that is busy with other things only adds to them. Redis's clock runs on
   * while others have its processor, and of many commands one always meets that: so each counts with its own least.
   */
  async leastCost(attack: Attack, times: number): Promise<Cost> {
    const all: Measured[] = [];
    for (let i = 0; i < times; i++) all.push(await this.measure(attack));
    const least = new Map<string, number>();
    for (const { text, ms } of all.flatMap(({ calls }) => calls))
      least.set(text, Math.min(ms, least.get(text) ?? ms));
    const longest = all
      .map(({ calls }) =>
        calls
          .map(({ name, text }) => ({ command: name, redis: least.get(text) ?? 0 }))
          .reduce((a, b) => (b.redis > a.redis ? b : a), { command: '', redis: 0 }),
      )
      .reduce((a, b) => (b.redis < a.redis ? b : a));
    const gateway = Math.min(...all.map(each => each.gateway));
    return { status: all[0]?.status ?? 0, gateway, ...longest };
  }

  private async measure(attack: Attack): Promise<Measured> {
    await Promise.all([this.longest(), this.redis.call('SLOWLOG', 'RESET')]);
    const before = await this.redisCpuMs();
    const status = await this.send(attack);
    const [gateway, calls, used] = await Promise.all([this.longest(), this.calls(), this.redisCpuMs()]);
    // While others have the processor, the clock of a command runs on, and that of Redis's thread does not.
    const ran = Math.min(1, (used - before) / calls.reduce((sum, { ms }) => sum + ms, 0));
    return { status, gateway, calls: calls.map(call => ({ ...call, ms: call.ms * ran })) };
  }

  /** @returns the status; 0 when the connection ended without one */
  send({ method, path, headers, body, role }: Attack): Promise<number> {
    const key = this.keys[role];
    return new Promise(resolve => {
      const call = request({
        ...{ port: this.port, host: '127.0.0.1', method, path, timeout: PATIENCE_MS },
        headers: {
          ...(key !== undefined && { Authorization: `Bearer ${key}` }),
          ...(body !== undefined && {
            'Content-Type': 'application/json',
            'Content-Length': String(Buffer.byteLength(body)),
          }),
          ...headers,
        },
      });
      call.on('timeout', () => call.destroy());
      call.on('error', () => resolve(0));
      call.on('response', response => {
        const end = () => resolve(response.statusCode ?? 0);
        // A live board never ends: its first event is enough.
        if (response.headers['content-type'] === 'text/event-stream')
          response.once('data', () => response.destroy());
        response.on('close', end).on('error', end).resume();
      });
      call.end(body);
    });
  }

  private async longest(): Promise<number> {
    return Number(await text(connect(this.probePort, '127.0.0.1')));
  }

  /** CPU time of the thread that carries out commands. */
  private async redisCpuMs(): Promise<number> {
    const info = String(await this.redis.call('INFO', 'cpu'));
    const seconds = [...info.matchAll(/^used_cpu_(?:user|sys)_main_thread:(\S+)/gm)].map(([, n]) =>
      Number(n),
    );
    return 1_000 * seconds.reduce((a, b) => a + b, 0);
  }

  private async calls(): Promise<Call[]> {
    const lines = (await this.redis.call('SLOWLOG', 'GET', '1024')) as SlowLine[];
    const ours = lines.filter(([, , , , , client]) => client.startsWith('gateway'));
    return ours.map(([, , micros, words]) => {
      const [name = '', sha = ''] = words;
      return { name: `${name} ${sha.slice(0, 12)}`, text: words.join(' '), ms: micros / 1_000 };
    });
  }
}

type SlowLine = readonly [number, number, micros: number, command: string[], address: string, client: string];
