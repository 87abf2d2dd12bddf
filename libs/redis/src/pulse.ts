import { inOnePacket, type RedisClient, togetherOf } from './clients/client.js';

/** Sends what waits. The next beat waits for the returned promise; no error, thrown or rejected, stops it. */
type Task = () => Promise<void> | void;

/**
 * When commands go to a server: what waits goes together, as soon as what went before is answered. So the more there
 * is to do, the fewer packets there are, and each of them costs both sides more than a command in it.
 */
export class Pulse {
  private waiting: Task[] = [];
  private isBeating = false;

  constructor(private readonly client: RedisClient) {}

  /** Runs the task with the next beat: when nothing is under way, that is in the end of this turn of the event loop. */
  join(task: Task): void {
    this.waiting.push(task);
    if (!this.isBeating) this.beatSoon();
  }

  private beatSoon(): void {
    this.isBeating = this.waiting.length > 0;
    if (this.isBeating) setImmediate(() => void this.beat());
  }

  private async beat(): Promise<void> {
    const tasks = this.waiting;
    this.waiting = [];
    try {
      // Each is begun in a function of its own: one that throws must not keep the others from being begun.
      await Promise.allSettled(inOnePacket(this.client, () => tasks.map(async task => task())));
    } finally {
      // Without it, nothing would be sent to this server any more.
      this.beatSoon();
    }
  }
}

const pulses = new WeakMap<RedisClient, Map<string, Pulse>>();

/** The pulse of the server that has the key; on a cluster, of the slot: what is silent elsewhere does not matter. */
export function pulseOf(client: RedisClient, key: string): Pulse {
  const own = pulses.get(client) ?? new Map<string, Pulse>();
  pulses.set(client, own);
  const place = togetherOf(client, key);
  const pulse = own.get(place) ?? new Pulse(client);
  own.set(place, pulse);
  return pulse;
}
