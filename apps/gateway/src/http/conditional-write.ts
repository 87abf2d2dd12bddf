import type { Appended, AppendOptions } from '#libs/event-log';
import { NotReplayedError, VersionConflictError } from '#libs/event-log';
import type { Envelope } from '#libs/leaderboards';
import { unavailable } from './problem.js';
import type { WriteCondition } from './write-headers.js';

/** How often a condition is judged anew when others write at the same time. */
const ATTEMPTS = 20;

/** The version that is there, and when it was made in milliseconds. */
export interface Head {
  readonly version: number;
  readonly at: number;
}

type Conditions = Pick<AppendOptions, 'expectedVersion' | 'replayOnly'>;

/** @param head nothing where there is none, or none any more */
export function isMet({ expected, unmodifiedSince }: WriteCondition, head: Head | undefined): boolean {
  const version = head?.version ?? 0;
  if (expected === 'existing') return version > 0;
  if (expected !== undefined) return [expected].flat().includes(version);
  return unmodifiedSince === undefined || !head || wholeSeconds(head.at) <= unmodifiedSince;
}

/** Times in headers have no more. */
const wholeSeconds = (ms: number) => ms - (ms % 1_000);

/**
 * Appends when a condition holds. One version is judged by the log itself. All else is judged by the head, and appended
 * on condition that it still is the head, so that nothing comes in between.
 *
 * @throws VersionConflictError
 */
export async function appendIf(
  condition: WriteCondition,
  head: () => Promise<Head | undefined>,
  { idempotencyKey }: Envelope,
  append: (conditions: Conditions) => Promise<Appended>,
): Promise<Appended> {
  const { expected, unmodifiedSince } = condition;
  if (!Array.isArray(expected) && unmodifiedSince === undefined)
    return append(expected === undefined ? {} : { expectedVersion: expected as number | 'existing' });
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const current = await head();
    const version = current?.version ?? 0;
    const holds = isMet(condition, current);
    // What was done already under the key is answered, although the condition does not hold any more.
    if (!holds && idempotencyKey === undefined) throw new VersionConflictError(version);
    try {
      return await append(holds ? { expectedVersion: version } : { replayOnly: true });
    } catch (error) {
      if (error instanceof NotReplayedError) throw new VersionConflictError(version);
      if (!(error instanceof VersionConflictError)) throw error;
    }
  }
  throw unavailable('others write this all the time; try again');
}
