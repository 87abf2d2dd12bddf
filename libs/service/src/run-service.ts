import { ConfigurationError } from '#libs/config';
import type { Logger } from '#libs/observability';

export interface Closable {
  close(): Promise<unknown>;
}

/** Milliseconds for an orderly end; then the process ends anyway, and what is unacknowledged is delivered again. */
const GRACE = 15_000;

/**
 * The life of a service process: start, serve, end in order at a signal or when the parent that started it dies.
 *
 * A fault at the start is one clear message and exit status 1.
 */
export async function runService(start: () => Promise<{ service: Closable; logger: Logger }>): Promise<void> {
  // Until there is something to finish, a parent that dies ends the process at once, as a signal does.
  const abandon = () => process.exit(1);
  process.on('disconnect', abandon);
  const { service, logger } = await start().catch(explain);
  process.off('disconnect', abandon);
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
  process.on('SIGTERM', () => void end('SIGTERM').catch(crash));
  process.on('SIGINT', () => void end('SIGINT').catch(crash));
  process.on('disconnect', () => void end('the parent process is gone').catch(crash));
  process.on('uncaughtException', crash);
  process.on('unhandledRejection', crash);
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
