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

/** Sends attacks to a gateway, one at a time, and measures what each costs it and Redis at a stretch. */
export class Meter {
  constructor(
    private readonly port: number,
    private readonly probePort: number,
    private readonly redis: RedisClient,
    private readonly keys: Readonly<Record<Role, string | undefined>>,
  ) {}

  async cost(attack: Attack): Promise<Cost> {
    await Promise.all([this.longest(), this.redis.call('SLOWLOG', 'RESET')]);
    const status = await this.send(attack);
    const [gateway, slow] = await Promise.all([this.longest(), this.slowest()]);
    return { status, gateway, ...slow };
  }

  /** The least of some measurements: a machine that is busy with other things only adds to them. */
  async leastCost(attack: Attack, times: number): Promise<Cost> {
    const costs: Cost[] = [];
    for (let i = 0; i < times; i++) costs.push(await this.cost(attack));
    const last = costs[0] as Cost;
    const least = (of: 'gateway' | 'redis') => Math.min(...costs.map(cost => cost[of]));
    return { ...last, gateway: least('gateway'), redis: least('redis') };
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

  private async slowest(): Promise<Pick<Cost, 'redis' | 'command'>> {
    const lines = (await this.redis.call('SLOWLOG', 'GET', '128')) as SlowLine[];
    const ours = lines.filter(([, , , , , client]) => client.startsWith('gateway'));
    const [slowest] = ours.sort((a, b) => b[2] - a[2]);
    if (!slowest) return { redis: 0, command: '' };
    const [, , micros, [name = '', sha = '']] = slowest;
    return { redis: micros / 1_000, command: `${name} ${sha.slice(0, 12)}` };
  }
}

type SlowLine = readonly [number, number, micros: number, command: string[], address: string, client: string];
