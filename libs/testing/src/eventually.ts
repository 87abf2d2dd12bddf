import { setTimeout as delay } from 'node:timers/promises';

/**
 * Waits until a check passes, looking again and again.
 *
 * @param check throws (an `expect` that fails will do) while it is too early
 * @param within milliseconds; then the last failure is thrown
 * @param interval milliseconds between two looks: more for a check that costs the checked something
 */
export async function eventually<T>(check: () => T | Promise<T>, within = 10_000, interval = 10): Promise<T> {
  const deadline = Date.now() + within;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() >= deadline) throw error;
      await delay(interval);
    }
  }
}
