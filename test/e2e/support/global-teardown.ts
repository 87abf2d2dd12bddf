/** Jest's global teardown of the end-to-end tests: ends the shared system. */
export default async function stopSharedSystem(): Promise<void> {
  await (globalThis as { stopSharedSystem?: () => Promise<void> }).stopSharedSystem?.();
}
