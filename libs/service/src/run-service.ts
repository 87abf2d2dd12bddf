import { setTimeout as delay } from 'node:timers/promises';
import { ConfigurationError } from '#libs/config';
import type { Logger } from '#libs/observability';
import { reportAndExit } from './parent.js';
import { handleUnexpectedErrors, type UnexpectedErrorPolicy } from './unexpected-errors.js';

export interface Closable {
  close(): Promise<unknown>;
}

/** A service that takes longer to stop exits anyway. Events that it has not acknowledged are delivered again. */
const STOP_TIMEOUT_MS = 15_000;

/** During shutdown, Redis counts as unreachable after this many missed pings in a row. */
const PING_INTERVAL_MS = 300;
const MAX_MISSED_PINGS = 2;
/** The same when Redis is unreachable, because nothing that needs it can finish. */
const STOP_TIMEOUT_WITHOUT_REDIS_MS = 300;

/** The process events that stop a service. */
const STOP_EVENTS = ['SIGTERM', 'SIGINT', 'SIGHUP', 'disconnect'] as const;

export interface RunningService {
  readonly service: Closable;
  readonly logger: Logger;
  /** Rejects, or does not settle, while Redis is unreachable. */
  readonly ping: () => Promise<unknown>;
}

/**
 * Runs a service process: starts it, and stops it in order after a signal or when the parent process dies. An error during
 * startup prints one message and exits with status 1.
 *
 * @param unexpectedErrors what to do after an unhandled error
 */
export async function runService(
  start: () => Promise<RunningService>,
  unexpectedErrors: UnexpectedErrorPolicy = 'exit',
): Promise<void> {
  // During startup there is nothing to finish, so these events end the process at once. Signals need handlers even so: the
  // kernel ignores signals that process 1 of a container does not handle.
  const abandon = (reason?: NodeJS.Signals) => process.exit(reason ? 0 : 1);
  for (const event of STOP_EVENTS) process.on(event, abandon);
  const { service, logger, ping } = await start().catch(exitWithMessage);
  for (const event of STOP_EVENTS) process.off(event, abandon);
  let ending = false;
  const end = async (reason: string): Promise<void> => {
    if (ending) return;
    ending = true;
    logger.log(`${reason}: finishing pending work`);
    setTimeout(() => process.exit(1), STOP_TIMEOUT_MS).unref();
    void waitUntilRedisIsUnreachable(ping)
      .then(() => {
        logger.warn('Redis does not answer: exiting without finishing pending work');
        process.exit(0);
      })
      .catch(error => logger.error(error));
    await service.close();
    logger.log('stopped');
    process.exit(0);
  };
  const crash = (error: unknown): void => {
    logger.fatal(error, undefined);
    reportAndExit(error);
  };
  for (const event of STOP_EVENTS) {
    process.on(
      event,
      () => void end(event === 'disconnect' ? 'the parent process is gone' : event).catch(crash),
    );
  }
  handleUnexpectedErrors(logger, unexpectedErrors);
}

async function waitUntilRedisIsUnreachable(ping: () => Promise<unknown>): Promise<void> {
  for (let missed = 0; missed < MAX_MISSED_PINGS; ) {
    const late = delay(PING_INTERVAL_MS, false, { ref: false });
    const answer = ping().then(
      () => true,
      () => late,
    );
    missed = (await Promise.race([answer, late])) ? 0 : missed + 1;
    await delay(missed === 0 ? PING_INTERVAL_MS : 0, undefined, { ref: false });
  }
  await delay(STOP_TIMEOUT_WITHOUT_REDIS_MS, undefined, { ref: false });
}

function exitWithMessage(error: unknown): never {
  const expected = error instanceof ConfigurationError || (error instanceof Error && 'code' in error);
  process.stderr.write(
    `questlog: ${expected ? (error as Error).message : ((error as Error)?.stack ?? error)}\n`,
  );
  process.exit(1);
}
