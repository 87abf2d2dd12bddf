import { setTimeout as delay } from 'node:timers/promises';
import type { RedisClient } from '#libs/redis';

/** Milliseconds between two looks how much is done. */
const LOOK = 5;

/**
 * How fast somebody works who has begun, a second.
 *
 * @param countDone how much is done so far, of `total`
 * @param warmUp how much is done before it counts: a process that has just started is slow
 * @param onWarm happens when it begins to count
 */
export async function workingRate(
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
    await delay(LOOK);
  }
}

/** How many events of a stream a group was given and has acknowledged. */
export async function countAcknowledged(redis: RedisClient, stream: string, group: string): Promise<number> {
  const groups = ((await redis.xinfo('GROUPS', stream)) as Flat[]).map(objectOf);
  const { lag, pending } = groups.find(({ name }) => name === group) ?? {};
  return lag == null ? 0 : (await redis.xlen(stream)) - Number(lag) - Number(pending);
}

type Flat = readonly (string | number | null)[];

const objectOf = (flat: Flat): Record<string, string | number | null | undefined> =>
  Object.fromEntries(flat.flatMap((name, i) => (i % 2 === 0 ? [[name, flat[i + 1]]] : [])));
