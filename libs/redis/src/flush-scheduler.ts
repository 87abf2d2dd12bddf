import { BatchQueue } from './batch-queue.js';
import { hashSlotGroup, inOnePacket, type RedisClient } from './clients/client.js';

/** Sends the queued commands. The next flush waits for the returned promise; a rejection does not stop it. */
type Task = () => Promise<void> | void;

/**
 * Decides when commands are sent to a server: all that are queued go together, as soon as the previous ones are answered.
 * Under load there are fewer packets, each of which costs both sides more than a command in it.
 */
export class FlushScheduler {
  private readonly tasks: BatchQueue<Task>;

  constructor(client: RedisClient) {
    // Each task starts in a function of its own: one that throws must not keep the others from starting.
    this.tasks = new BatchQueue(tasks =>
      Promise.allSettled(inOnePacket(client, () => tasks.map(async task => task()))),
    );
  }

  /** Runs the task with the next flush. If no flush is running, that is at the end of this turn of the event loop. */
  schedule(task: Task): void {
    this.tasks.add(task);
  }
}

const schedulers = new WeakMap<RedisClient, Map<string, FlushScheduler>>();

/** The scheduler for the server that has the key; on a cluster, for its slot, so that a silent node delays only its own slots. */
export function flushSchedulerOf(client: RedisClient, key: string): FlushScheduler {
  const own = schedulers.get(client) ?? new Map<string, FlushScheduler>();
  schedulers.set(client, own);
  const place = hashSlotGroup(client, key);
  const scheduler = own.get(place) ?? new FlushScheduler(client);
  own.set(place, scheduler);
  return scheduler;
}
