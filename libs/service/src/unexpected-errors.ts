import { Counter } from 'prom-client';
import type { Logger } from '#libs/observability';
import { endTellingParent } from './parent.js';

/** Errors that are logged in full within a minute; the others are counted. A fault that repeats must not fill the disk. */
const LOGGED_PER_MINUTE = 20;
const MINUTE_MS = 60_000;

const unexpectedErrorsTotal = new Counter({
  name: 'questlog_unexpected_errors_total',
  help: 'Errors that no code handled: each is a bug, and the log has its stack',
});

/** What a process does after an error that no code handled: see `handleUnexpectedErrors`. */
export type UnexpectedErrorPolicy = 'exit' | 'continue';

/**
 * Logs errors that reach the event loop: thrown in a timer or by a listener, or a rejection that nobody handles.
 *
 * `exit` is for workers: a loop of theirs may be dead, they are started again, and what they have not acknowledged is
 * delivered again. `continue` is for processes that take requests. They keep no state that such an error could leave
 * half done, and a request that finds a bug must not take the requests of everybody else with it.
 */
export function handleUnexpectedErrors(logger: Logger, policy: UnexpectedErrorPolicy): void {
  const report = limited(error => logger.fatal(error, undefined, 'UnexpectedError'));
  const handle = (error: unknown): void => {
    unexpectedErrorsTotal.inc();
    report(error);
    if (policy === 'exit') endTellingParent(error);
  };
  process.on('uncaughtException', handle);
  process.on('unhandledRejection', handle);
}

function limited(report: (error: unknown) => void): (error: unknown) => void {
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
        new Error('more such errors in this minute are only counted, as questlog_unexpected_errors_total'),
      );
  };
}
