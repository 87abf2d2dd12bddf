import { setTimeout as delay } from 'node:timers/promises';
import type { RedisClient } from '#libs/redis';

/** How often the progress is read. */
const POLL_MS = 5;

/**
 * Measures how many items a running process completes per second.
 *
 * @param countDone returns how many of the `total` items are done
 * @param warmUp number of items before the measurement starts, because a process is slow after its start
 * @param onWarm called when the measurement starts
 */
export async function measureRate(
  countDone: () => Promise<number>,
  warmUp: number,
  total: number,
  onWarm: () => Promise<void> = async () => {},
): Promise<number> {
  let begin: { readonly done: number; readonly at: number } | undefined;
  for (;;) {
    const done = await countDone();
    const at = performance.now();
    if (begin && done >= total) return ((done - begin.done) * 1_000) / (at - begin.at);
    if (!begin && done >= warmUp) {
      begin = { done, at };
      await onWarm();
    }
    await delay(POLL_MS);
  }
}

/** Counts the events of a stream that a consumer group has acknowledged. */
export async function countAcknowledged(redis: RedisClient, stream: string, group: string): Promise<number> {
  const groups = ((await redis.xinfo('GROUPS', stream)) as Flat[]).map(objectOf);
  const { lag, pending } = groups.find(({ name }) => name === group) ?? {};
  return lag == null ? 0 : (await redis.xlen(stream)) - Number(lag) - Number(pending);
}

type Flat = readonly (string | number | null)[];

const objectOf = (flat: Flat): Record<string, string | number | null | undefined> =>
  Object.fromEntries(flat.flatMap((name, i) => (i % 2 === 0 ? [[name, flat[i + 1]]] : [])));
