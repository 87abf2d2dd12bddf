import { setTimeout as delay } from 'node:timers/promises';

/**
 * Waits until a check passes, looking again every few milliseconds.
 *
 * @param check throws (an `expect` that fails will do) while it is too early
 * @param within milliseconds; then the last failure is thrown
 */
export async function eventually<T>(check: () => T | Promise<T>, within = 5_000): Promise<T> {
  const deadline = Date.now() + within;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() >= deadline) throw error;
      await delay(10);
    }
  }
}
