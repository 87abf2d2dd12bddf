import type { HealthCheck } from '#libs/observability';

/** How long to wait until the parent has received the error. */
const FATAL_MESSAGE_TIMEOUT_MS = 500;

/** Sends the URL of this service to the parent process, if there is an IPC channel. */
export function notifyParent(url: string): void {
  process.send?.({ url }, undefined, undefined, () => {});
}

/** Sends the error to the parent process, if possible, and exits with status 1. */
export function reportAndExit(error: unknown): void {
  void sendFatalError(error)
    .catch(() => {})
    .finally(() => process.exit(1));
}

function sendFatalError(error: unknown): Promise<void> {
  return new Promise(resolve => {
    if (!process.connected) return resolve();
    setTimeout(resolve, FATAL_MESSAGE_TIMEOUT_MS);
    const fatal = error instanceof Error ? error.message : String(error);
    process.send?.({ fatal }, undefined, undefined, () => resolve());
  });
}

/** Reports parts of the system that are down, as told by the parent process (`npm start`). */
export function partsCheck(): HealthCheck {
  let parts: Readonly<Record<string, string>> = {};
  process.on('message', (message: { readonly parts?: Readonly<Record<string, string>> }) => {
    parts = message.parts ?? parts;
  });
  return {
    name: 'parts',
    severity: 'degraded',
    reason: 'part-missing',
    probe: async () => {
      const missing = Object.entries(parts).map(([name, why]) => `${name}: ${why}`);
      if (missing.length > 0) throw new Error(missing.join('\n'));
    },
  };
}
