import { Injectable } from '@nestjs/common';
import { type Appended, AppliedWaiter, type EventRef, formatEventRef } from '#libs/event-log';
import type { Envelope } from '#libs/leaderboards';
import { isRedisUnavailable } from '#libs/redis';
import { unavailable } from '../problem.js';
import type { WriteRequest } from './write-request.js';

/** Milliseconds of a request's time that are kept for its answer. */
const ANSWER_MS = 100;

export interface Accepted {
  readonly eventId: string;
  readonly status: 'accepted';
}

export type Applied<Result> = { readonly eventId: string; readonly status: 'applied' } & Result;

/** A change to append: one event, or several of which the returned one is applied last. */
export interface Change<Result> {
  append(envelope: Envelope): Promise<Appended>;
  /** Reads the result from the projection. It is called once the event has taken effect. */
  result(appended: Appended): Promise<Result>;
  /** Whether the answer has `Last-Modified`, as a read of the new version does. */
  readonly isDated?: boolean;
}

/** Answers every write in the same way: accepted, or applied if the client waited for that. */
@Injectable()
export class WriteResponder {
  constructor(private readonly progress: AppliedWaiter) {}

  async respond<Result>(
    write: WriteRequest,
    { append, result, isDated = false }: Change<Result>,
  ): Promise<Accepted | Applied<Result>> {
    const { waitSeconds, envelope } = write;
    const appended = await append(envelope);
    const eventId = formatEventRef(appended.ref);
    write.addTime(1_000 * waitSeconds);
    write.sendAppended(appended, isDated);
    const projected =
      waitSeconds > 0
        ? await this.projected(write, appended.ref, 1_000 * waitSeconds, () => result(appended))
        : undefined;
    write.sendStatus(projected !== undefined);
    return projected ? { eventId, status: 'applied', ...projected } : { eventId, status: 'accepted' };
  }

  /**
   * Answers a list of changes, each of which is appended or refused by itself.
   *
   * @param lastOf the event that is applied last; none when all were refused
   */
  async respondToList(
    write: WriteRequest,
    append: () => Promise<readonly (Appended | Error)[]>,
    lastOf: (outcomes: readonly (Appended | Error)[]) => EventRef | undefined,
  ): Promise<{ outcomes: readonly (Appended | Error)[]; isApplied: boolean }> {
    const waitMs = 1_000 * write.waitSeconds;
    write.refuseIdempotencyKey();
    const outcomes = await append();
    write.addTime(waitMs);
    const last = lastOf(outcomes);
    const isApplied = last !== undefined && waitMs > 0 && (await this.isProjected(write, last, waitMs));
    write.sendStatus(isApplied);
    return { outcomes, isApplied };
  }

  /**
   * Appends, and returns when every reader sees the event. For clients that read at once what they wrote, and do not
   * know an answer between done and failed.
   *
   * @throws Problem 503 when the event is in the log, but has not taken effect in time
   */
  async untilApplied(write: WriteRequest, append: (envelope: Envelope) => Promise<Appended>): Promise<void> {
    const { ref } = await append(write.envelope);
    if (!(await this.isProjected(write, ref, write.timeLeftMs - ANSWER_MS)))
      throw unavailable('it is in the log, but cannot be read yet: try again');
  }

  private async isProjected(write: WriteRequest, ref: EventRef, waitMs: number): Promise<boolean> {
    return (await this.projected(write, ref, waitMs, async () => true)) ?? false;
  }

  /**
   * The event is in the log, so the write stays accepted when Redis fails now.
   *
   * @returns nothing when the event has not taken effect in time, Redis cannot tell, or the client is gone
   */
  private async projected<Result>(
    write: WriteRequest,
    ref: EventRef,
    waitMs: number,
    result: () => Promise<Result>,
  ): Promise<Result | undefined> {
    try {
      if (!(await this.progress.whenApplied(ref, waitMs, () => write.isGone()))) return undefined;
      return await result();
    } catch (error) {
      if (isRedisUnavailable(error)) return undefined;
      throw error;
    }
  }
}
