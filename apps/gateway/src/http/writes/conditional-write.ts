import { type Appended, type AppendOptions, NotReplayedError, VersionConflictError } from '#libs/event-log';
import type { Envelope } from '#libs/leaderboards';
import { unavailable } from '../problem.js';
import type { WriteCondition } from './write-headers.js';

/** How often the condition is checked again when others write at the same time. */
const ATTEMPTS = 20;

/** The current version. */
export interface Head {
  readonly version: number;
  /** Milliseconds since 1970. */
  readonly at: number;
}

type Conditions = Pick<AppendOptions, 'expectedVersion' | 'replayOnly'>;

/** @param head nothing if there is no document, or no longer one */
export function isMet({ expected, unmodifiedSince }: WriteCondition, head: Head | undefined): boolean {
  const version = head?.version ?? 0;
  if (expected === 'existing') return version > 0;
  if (expected !== undefined) return [expected].flat().includes(version);
  return unmodifiedSince === undefined || !head || wholeSeconds(head.at) <= unmodifiedSince;
}

/** HTTP dates have no fractions of a second. */
const wholeSeconds = (ms: number) => ms - (ms % 1_000);

/**
 * Appends if the condition holds. The log itself checks a single expected version. Other conditions are checked here against
 * the head, and the log then checks that it is still the head, so that no other write comes in between.
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
    // A repeat of a request that succeeded gets its first answer, although its condition no longer holds.
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
