import { ConfigurationError } from '#libs/config';
import type { Logger } from '#libs/observability';
import { handleUnexpectedErrors, type UnexpectedErrorPolicy } from './unexpected-errors.js';

export interface Closable {
  close(): Promise<unknown>;
}

/** Milliseconds for an orderly end; then the process ends anyway, and what is unacknowledged is delivered again. */
const GRACE = 15_000;

/** What orders the end of a service. */
const ENDS = ['SIGTERM', 'SIGINT', 'disconnect'] as const;

/**
 * The life of a service process: start, serve, end in order at a signal or when the parent that started it dies.
 *
 * A fault at the start is one clear message and exit status 1.
 *
 * @param unexpectedErrors what to do after an error that no code handled
 */
export async function runService(
  start: () => Promise<{ service: Closable; logger: Logger }>,
  unexpectedErrors: UnexpectedErrorPolicy = 'exit',
): Promise<void> {
  // Until there is something to finish, a parent that dies and a signal end the process at once. Signals must be
  // named: process 1 of a container is deaf to those that it does not handle.
  const abandon = (reason?: NodeJS.Signals) => process.exit(reason ? 0 : 1);
  for (const event of ENDS) process.on(event, abandon);
  const { service, logger } = await start().catch(explain);
  for (const event of ENDS) process.off(event, abandon);
  let ending = false;
  const end = async (reason: string): Promise<void> => {
    if (ending) return;
    ending = true;
    logger.log(`${reason}: finishing what is under way`);
    setTimeout(() => process.exit(1), GRACE).unref();
    await service.close();
    logger.log('stopped');
    process.exit(0);
  };
  const crash = (error: unknown): void => {
    logger.fatal(error, undefined);
    process.exit(1);
  };
  for (const event of ENDS) {
    process.on(
      event,
      () => void end(event === 'disconnect' ? 'the parent process is gone' : event).catch(crash),
    );
  }
  handleUnexpectedErrors(logger, unexpectedErrors);
}

/** Tells a parent that started this process with an IPC channel where it listens. */
export function tellParent(url: string): void {
  process.send?.({ url });
}

function explain(error: unknown): never {
  const expected = error instanceof ConfigurationError || (error instanceof Error && 'code' in error);
  process.stderr.write(
    `questlog: ${expected ? (error as Error).message : ((error as Error)?.stack ?? error)}\n`,
  );
  process.exit(1);
}
