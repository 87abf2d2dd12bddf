import { Counter } from 'prom-client';
import type { Logger } from '#libs/observability';
import { reportAndExit } from './parent.js';

/** At most this many errors are logged per minute, so that a repeated error cannot fill the disk. All are counted. */
const LOGGED_PER_MINUTE = 20;
const MINUTE_MS = 60_000;

const unexpectedErrorsTotal = new Counter({
  name: 'questlog_unexpected_errors_total',
  help: 'Unhandled errors: each is a bug, and the log has its stack',
});

/** What a process does after an unhandled error: see `handleUnexpectedErrors`. */
export type UnexpectedErrorPolicy = 'exit' | 'continue';

/**
 * Logs unhandled errors: thrown in a timer or a listener, or rejections without a handler.
 *
 * `exit` is for workers. Their read loop may be dead; they are restarted, and events that they have not acknowledged are
 * delivered again. `continue` is for processes that serve requests. They have no state that such an error could leave
 * inconsistent, and a request that triggers a bug must not end the requests of everybody else.
 */
export function handleUnexpectedErrors(logger: Logger, policy: UnexpectedErrorPolicy): void {
  const report = limitRate(error => logger.fatal(error, undefined, 'UnexpectedError'));
  const handle = (error: unknown): void => {
    unexpectedErrorsTotal.inc();
    report(error);
    if (policy === 'exit') reportAndExit(error);
  };
  process.on('uncaughtException', handle);
  process.on('unhandledRejection', handle);
}

function limitRate(report: (error: unknown) => void): (error: unknown) => void {
  let since = performance.now();
  let count = 0;
  return error => {
    const now = performance.now();
    if (now - since >= MINUTE_MS) {
      since = now;
      count = 0;
    }
    count += 1;
    if (count <= LOGGED_PER_MINUTE) report(error);
    if (count === LOGGED_PER_MINUTE)
      report(
        new Error('further errors in this minute are only counted, in questlog_unexpected_errors_total'),
      );
  };
}
