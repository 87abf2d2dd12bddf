import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { firstValueFrom } from 'rxjs';
import {
  type Appended,
  type AppendOptions,
  type Envelope,
  type EventRef,
  formatEventRef,
  Progress,
} from '#libs/event-log';
import type { Actor, EventType, NewEvent } from '#libs/events';
import { isRedisUnavailable } from '#libs/redis';
import { StreamsClient } from '#libs/streams-transport';
import { inTime } from './deadline.js';
import { idempotencyKey, traceParent, waitPreference } from './preconditions.js';

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

/** The change that one event makes. */
export interface Write<T extends EventType, Result> extends Omit<Change<Result>, 'append'> {
  readonly type: T;
  readonly data: NewEvent<T>['data'];
  readonly expectedVersion?: AppendOptions['expectedVersion'] | undefined;
}

/** What every write has in common: it is appended once, and answered as accepted or, if asked to wait, applied. */
@Injectable()
export class WriteService {
  constructor(
    private readonly events: StreamsClient,
    private readonly progress: Progress,
  ) {}

  write<T extends EventType, Result>(
    { type, data, expectedVersion, ...change }: Write<T, Result>,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<Accepted | Applied<Result>> {
    const condition = expectedVersion !== undefined && { expectedVersion };
    const append = (envelope: Envelope) =>
      firstValueFrom(this.events.append(type, data, { ...envelope, ...condition }));
    return this.change({ ...change, append }, request, reply);
  }

  async change<Result>(
    { caller, append, result }: Change<Result>,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<Accepted | Applied<Result>> {
    const { headers } = request;
    const seconds = waitPreference(headers);
    const key = idempotencyKey(headers);
    const trace = traceParent(headers);
    const envelope = {
      actor: caller,
      ...(key !== undefined && { idempotencyKey: key }),
      ...(trace !== undefined && { trace }),
    };
    const appended = await inTime(request, () => append(envelope));
    const eventId = formatEventRef(appended.ref);
    if (appended.replayed) reply.header('Idempotency-Replayed', 'true');
    if (appended.version !== undefined) reply.header('ETag', `"${appended.version}"`);
    const projected =
      seconds > 0 ? await this.projected(appended.ref, seconds, () => result(appended)) : undefined;
    if (!projected) {
      reply.status(202);
      return { eventId, status: 'accepted' };
    }
    reply.status(200).header('Preference-Applied', `wait=${seconds}`);
    return { eventId, status: 'applied', ...projected };
  }

  /**
   * The event is in the log: if Redis goes away now, the write is accepted all the same.
   *
   * @returns nothing when it has not taken effect in time, or nobody can tell
   */
  async projected<Result>(
    ref: EventRef,
    seconds: number,
    result: () => Promise<Result>,
  ): Promise<Result | undefined> {
    try {
      if (!(await this.progress.whenApplied(ref, seconds * 1_000))) return undefined;
      return await result();
    } catch (error) {
      if (isRedisUnavailable(error)) return undefined;
      throw error;
    }
  }
}
