import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { firstValueFrom } from 'rxjs';
import { type Appended, type AppendOptions, type EventRef, formatEventRef, Progress } from '#libs/event-log';
import type { Actor, EventType, NewEvent } from '#libs/events';
import type { Envelope } from '#libs/leaderboards';
import { isRedisUnavailable } from '#libs/redis';
import { StreamsClient } from '#libs/streams-transport';
import { idempotencyKey, traceParent, waitPreference } from './preconditions.js';
import { isGone } from './presence.js';
import { unavailable } from './problem.js';
import { addTime, timeLeft } from './server/deadline.js';

/** Milliseconds of a request's time that are left for its answer. */
const ANSWERING = 100;

export interface Accepted {
  readonly eventId: string;
  readonly status: 'accepted';
}

export type Applied<Result> = { readonly eventId: string; readonly status: 'applied' } & Result;

/** A change that the log takes: one event, or several of which one tells that all is done. */
export interface Change<Result> {
  readonly caller: Actor;
  append(envelope: Envelope): Promise<Appended>;
  /** The projected result, read once the event has taken effect. */
  result(appended: Appended): Promise<Result>;
}

/** One event that makes a change. */
export interface EventWrite<T extends EventType> {
  readonly type: T;
  readonly data: NewEvent<T>['data'];
  readonly caller: Actor;
  readonly expectedVersion?: AppendOptions['expectedVersion'] | undefined;
  readonly profile?: AppendOptions['profile'];
  readonly replayOnly?: boolean;
}

/** The change that one event makes. */
export type Write<T extends EventType, Result> = EventWrite<T> & Pick<Change<Result>, 'result'>;

/** What every write has in common: it is appended once, and answered as accepted or, if asked to wait, applied. */
@Injectable()
export class WriteService {
  constructor(
    private readonly events: StreamsClient,
    private readonly progress: Progress,
  ) {}

  write<T extends EventType, Result>(
    write: Write<T, Result>,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<Accepted | Applied<Result>> {
    return this.change({ ...write, append: this.appending(write) }, request, reply);
  }

  async change<Result>(
    { caller, append, result }: Change<Result>,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<Accepted | Applied<Result>> {
    const { headers } = request;
    const seconds = waitPreference(headers);
    const envelope = envelopeOf(caller, headers);
    const appended = await append(envelope);
    const eventId = formatEventRef(appended.ref);
    addTime(request, 1_000 * seconds);
    if (appended.replayed) reply.header('Idempotency-Replayed', 'true');
    if (appended.version !== undefined) reply.header('ETag', `"${appended.version}"`);
    const projected =
      seconds > 0 ? await this.projected(request, appended.ref, seconds, () => result(appended)) : undefined;
    if (!projected) {
      reply.status(202);
      return { eventId, status: 'accepted' };
    }
    reply.status(200).header('Preference-Applied', `wait=${seconds}`);
    return { eventId, status: 'applied', ...projected };
  }

  /** @returns what appends the one event */
  appending<T extends EventType>(write: EventWrite<T>) {
    const { type, data, expectedVersion, profile, replayOnly = false } = write;
    const condition = {
      ...(expectedVersion !== undefined && { expectedVersion }),
      ...(profile && { profile }),
      ...(replayOnly && { replayOnly }),
    };
    return (envelope: Envelope): Promise<Appended> =>
      firstValueFrom(this.events.append(type, data, { ...envelope, ...condition }));
  }

  /**
   * For clients that read at once what they wrote, and know of nothing between done and failed.
   *
   * @throws Problem 503 when it is in the log but no reader sees it in time
   */
  async untilSeen(
    { caller, append }: Omit<Change<unknown>, 'result'>,
    request: FastifyRequest,
  ): Promise<void> {
    const { ref } = await append(envelopeOf(caller, request.headers));
    const seconds = (timeLeft(request) - ANSWERING) / 1_000;
    const isSeen = await this.projected(request, ref, seconds, async () => true);
    if (!isSeen) throw unavailable('it is in the log, but cannot be read yet: try again');
  }

  /**
   * The event is in the log: if Redis goes away now, the write is accepted all the same.
   *
   * @returns nothing when it has not taken effect in time, nobody can tell, or the client is gone
   */
  async projected<Result>(
    request: FastifyRequest,
    ref: EventRef,
    seconds: number,
    result: () => Promise<Result>,
  ): Promise<Result | undefined> {
    try {
      if (!(await this.progress.whenApplied(ref, seconds * 1_000, () => isGone(request)))) return undefined;
      return await result();
    } catch (error) {
      if (isRedisUnavailable(error)) return undefined;
      throw error;
    }
  }
}

function envelopeOf(actor: Actor, headers: FastifyRequest['headers']): Envelope {
  const key = idempotencyKey(headers);
  const trace = traceParent(headers);
  return {
    actor,
    ...(key !== undefined && { idempotencyKey: key }),
    ...(trace !== undefined && { trace }),
  };
}
