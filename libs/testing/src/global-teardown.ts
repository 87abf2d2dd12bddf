/** Jest's global teardown: ends the Redis that the setup started. */
export default async function stopRedis(): Promise<void> {
  await (globalThis as { stopTestRedis?: () => Promise<unknown> }).stopTestRedis?.();
}
