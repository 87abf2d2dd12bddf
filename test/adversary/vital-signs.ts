import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import type { Client } from '../e2e/support/client.js';
import type { System } from '../e2e/support/system.js';

/** The open descriptors and resident memory of a process. Linux only: `undefined` elsewhere. */
export interface Holdings {
  readonly descriptors: number;
  readonly residentBytes: number;
}

export function holdingsOf(pid: number): Holdings | undefined {
  if (!existsSync('/proc/self/fd')) return undefined;
  const [, kilobytes = '0'] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return { descriptors: readdirSync(`/proc/${pid}/fd`).length, residentBytes: Number(kilobytes) * 1_024 };
}

/**
 * Reads the longest delay of the gateway's event loop since the last reading, in milliseconds. The delay that an
 * idle thread saw at the same time is subtracted, because the machine causes that part, not the gateway.
 */
export class EventLoopWatch {
  private readonly idle = new Worker(IDLE_THREAD, { eval: true });
  private readonly client: Client;

  constructor(system: System) {
    this.client = system.connect();
  }

  async read(): Promise<number> {
    const { text } = await this.client.get('/metrics').catch(() => ({ text: '' }));
    const [, seconds = 'NaN'] = /^nodejs_eventloop_lag_max_seconds\S* (\S+)$/m.exec(text) ?? [];
    const idle = await new Promise<number>(done => {
      this.idle.once('message', done);
      this.idle.postMessage('read');
    });
    return Math.max(0, Number(seconds) * 1_000 - idle) || 0;
  }

  async close(): Promise<void> {
    await this.idle.terminate();
  }
}

const IDLE_THREAD = `
const { parentPort } = require('node:worker_threads');
const delays = require('node:perf_hooks').monitorEventLoopDelay({ resolution: 10 });
delays.enable();
parentPort.on('message', () => { parentPort.postMessage(delays.max / 1e6); delays.reset(); });
`;
