import { closeSync, fstatSync, openSync, readSync, statfsSync } from 'node:fs';
import { constants } from 'node:os';

/** How much of the end of the log is read. */
const TAIL_BYTES = 8 * 1024;
/** Error lines in the reason. The very last one is often only "Exiting", so one is not enough. */
const MAX_ERROR_LINES = 2;
/** With less free space the disk counts as full: Redis cannot even write a small batch and its log. */
const MIN_FREE_BYTES = 1024 * 1024;

/** A line of the Redis log: process id, role, time, level, text. */
const LOG_LINE = /^(\d+):\w \d+ \w+ \d{4} [\d:.]+ ([#*.-]) (.*)$/;
const ERROR_WORDS = /error|fail|can't|cannot|could not|unable|exiting|out of|crash|bad |wrong|denied/i;

/** Why a server exited: its signal or status, the last errors in its log, and whether the disk is full. */
export function exitReason(
  status: number | null,
  signal: string | null,
  folder: string,
  log: string,
): string {
  const how = signal ?? signalFromStatus(status) ?? `exit status ${status}`;
  // A killed server had no time to log the reason, so older errors would mislead.
  const errors = how === 'SIGKILL' ? undefined : lastErrors(log);
  return [how, errors, diskFullMessage(folder)].filter(text => text !== undefined).join('; ');
}

/** @returns undefined unless the disk of the folder is full */
export function diskFullMessage(folder: string): string | undefined {
  try {
    const { bavail, bsize } = statfsSync(folder);
    const free = bavail * bsize;
    if (free >= MIN_FREE_BYTES) return undefined;
    return `the disk of ${folder} is full (${free} bytes free): make room there`;
  } catch {
    return undefined;
  }
}

/** A shell reports a signal as the status 128 + its number. */
function signalFromStatus(status: number | null): string | undefined {
  if (status === null || status <= 128) return undefined;
  return Object.entries(constants.signals).find(([, number]) => number === status - 128)?.[0];
}

/** The last errors that the latest server wrote to the log. */
function lastErrors(log: string): string | undefined {
  const lines = readTail(log)
    .split('\n')
    .flatMap(text => {
      const [, pid, level, message = ''] = LOG_LINE.exec(text) ?? [];
      return pid === undefined ? [] : [{ pid, level, message }];
    });
  const pid = lines.at(-1)?.pid;
  const errors = lines.filter(
    line =>
      line.pid === pid &&
      line.level === '#' &&
      ERROR_WORDS.test(line.message) &&
      !line.message.startsWith('WARNING'),
  );
  const messages = errors.slice(-MAX_ERROR_LINES).map(line => line.message);
  return messages.length > 0 ? messages.join('; ') : undefined;
}

function readTail(path: string): string {
  try {
    const file = openSync(path, 'r');
    try {
      const { size } = fstatSync(file);
      const tail = Buffer.alloc(Math.min(size, TAIL_BYTES));
      readSync(file, tail, 0, tail.length, size - tail.length);
      return tail.toString();
    } finally {
      closeSync(file);
    }
  } catch {
    return '';
  }
}
