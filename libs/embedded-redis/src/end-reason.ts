import { closeSync, fstatSync, openSync, readSync, statfsSync } from 'node:fs';
import { constants } from 'node:os';

/** Bytes of a log in which the last lines are looked for. */
const TAIL_BYTES = 8 * 1024;
/** Complaints that are told. */
const MAX_ERRORS = 2;
/** Bytes below which a disk counts as full: Redis could not even write a small batch and its log. */
const MIN_FREE_BYTES = 1024 * 1024;

/** A line of Redis's log: process, role, time, level, text. */
const LINE = /^(\d+):\w \d+ \w+ \d{4} [\d:.]+ ([#*.-]) (.*)$/;
const TELLING = /error|fail|can't|cannot|could not|unable|exiting|out of|crash|bad |wrong|denied/i;

/** Why a server has ended: its status or signal, what its log says at last, and a disk that is full. */
export function endReason(status: number | null, signal: string | null, folder: string, log: string): string {
  const how = signal ?? signalOf(status) ?? `exit status ${status}`;
  // One that was killed had no time to say so.
  const words = how === 'SIGKILL' ? undefined : lastError(log);
  return [how, words, fullDisk(folder)].filter(text => text !== undefined).join('; ');
}

/** @returns what is wrong with the disk of a folder, if it is full */
export function fullDisk(folder: string): string | undefined {
  try {
    const { bavail, bsize } = statfsSync(folder);
    const free = bavail * bsize;
    if (free >= MIN_FREE_BYTES) return undefined;
    return `the disk of ${folder} is full (${free} bytes free): make room there`;
  } catch {
    return undefined;
  }
}

/** Shells give 128 and the number of a signal. */
function signalOf(status: number | null): string | undefined {
  if (status === null || status <= 128) return undefined;
  return Object.entries(constants.signals).find(([, number]) => number === status - 128)?.[0];
}

/** What the latest server that wrote to the log complained of at last. */
function lastError(log: string): string | undefined {
  const lines = tailOf(log)
    .split('\n')
    .flatMap(text => {
      const [, pid, level, words = ''] = LINE.exec(text) ?? [];
      return pid === undefined ? [] : [{ pid, level, words }];
    });
  const pid = lines.at(-1)?.pid;
  const errors = lines.filter(
    line =>
      line.pid === pid && line.level === '#' && TELLING.test(line.words) && !line.words.startsWith('WARNING'),
  );
  // The very last one can be what it does about it: "Exiting".
  const words = errors.slice(-MAX_ERRORS).map(line => line.words);
  return words.length > 0 ? words.join('; ') : undefined;
}

function tailOf(path: string): string {
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
