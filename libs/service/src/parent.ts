import type { HealthCheck } from '#libs/observability';

/** Milliseconds for the parent to get the last message. */
const LAST_MESSAGE_MS = 500;

/** Tells a parent that started this process with an IPC channel where it listens. */
export function tellParent(url: string): void {
  process.send?.({ url }, undefined, undefined, () => {});
}

/** Ends this process when the parent knows of what, or cannot be told. */
export function endTellingParent(error: unknown): void {
  void tellParentWhy(error)
    .catch(() => {})
    .finally(() => process.exit(1));
}

function tellParentWhy(error: unknown): Promise<void> {
  return new Promise(resolve => {
    if (!process.connected) return resolve();
    setTimeout(resolve, LAST_MESSAGE_MS);
    const fatal = error instanceof Error ? error.message : String(error);
    process.send?.({ fatal }, undefined, undefined, () => resolve());
  });
}

/** Parts of the system that the parent, `npm start`, has to start again: by name, and why. */
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
