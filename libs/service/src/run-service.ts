import { setTimeout as delay } from 'node:timers/promises';
import { ConfigurationError } from '#libs/config';
import type { Logger } from '#libs/observability';
import { endTellingParent } from './parent.js';
import { handleUnexpectedErrors, type UnexpectedErrorPolicy } from './unexpected-errors.js';

export interface Closable {
  close(): Promise<unknown>;
}

/** Milliseconds for an orderly end; then the process ends anyway, and what is unacknowledged is delivered again. */
const GRACE = 15_000;

/** Milliseconds in which Redis answers a service that ends, and how often in a row it may fail to. */
const PING_MS = 300;
const MAX_PINGS_MISSED = 2;
/** Milliseconds for an orderly end when Redis is away: nothing that needs it can be finished. */
const GRACE_WITHOUT_REDIS_MS = 300;

/** What orders the end of a service. */
const ENDS = ['SIGTERM', 'SIGINT', 'SIGHUP', 'disconnect'] as const;

export interface RunningService {
  readonly service: Closable;
  readonly logger: Logger;
  /** Rejects, or does not settle, while Redis is away. */
  readonly ping: () => Promise<unknown>;
}

/**
 * The life of a service process: start, serve, end in order at a signal or when the parent that started it dies.
 *
 * A fault at the start is one clear message and exit status 1.
 *
 * @param unexpectedErrors what to do after an error that no code handled
 */
export async function runService(
  start: () => Promise<RunningService>,
  unexpectedErrors: UnexpectedErrorPolicy = 'exit',
): Promise<void> {
  // Until there is something to finish, a parent that dies and a signal end the process at once. Signals must be
  // named: process 1 of a container is deaf to those that it does not handle.
  const abandon = (reason?: NodeJS.Signals) => process.exit(reason ? 0 : 1);
  for (const event of ENDS) process.on(event, abandon);
  const { service, logger, ping } = await start().catch(explain);
  for (const event of ENDS) process.off(event, abandon);
  let ending = false;
  const end = async (reason: string): Promise<void> => {
    if (ending) return;
    ending = true;
    logger.log(`${reason}: finishing what is under way`);
    setTimeout(() => process.exit(1), GRACE).unref();
    void untilRedisIsAway(ping)
      .then(() => {
        logger.warn('Redis does not answer: what is under way is given up');
        process.exit(0);
      })
      .catch(error => logger.error(error));
    await service.close();
    logger.log('stopped');
    process.exit(0);
  };
  const crash = (error: unknown): void => {
    logger.fatal(error, undefined);
    endTellingParent(error);
  };
  for (const event of ENDS) {
    process.on(
      event,
      () => void end(event === 'disconnect' ? 'the parent process is gone' : event).catch(crash),
    );
  }
  handleUnexpectedErrors(logger, unexpectedErrors);
}

async function untilRedisIsAway(ping: () => Promise<unknown>): Promise<void> {
  for (let missed = 0; missed < MAX_PINGS_MISSED; ) {
    const late = delay(PING_MS, false, { ref: false });
    const answer = ping().then(
      () => true,
      () => late,
    );
    missed = (await Promise.race([answer, late])) ? 0 : missed + 1;
    await delay(missed === 0 ? PING_MS : 0, undefined, { ref: false });
  }
  await delay(GRACE_WITHOUT_REDIS_MS, undefined, { ref: false });
}

function explain(error: unknown): never {
  const expected = error instanceof ConfigurationError || (error instanceof Error && 'code' in error);
  process.stderr.write(
    `questlog: ${expected ? (error as Error).message : ((error as Error)?.stack ?? error)}\n`,
  );
  process.exit(1);
}
