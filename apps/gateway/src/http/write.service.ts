import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { firstValueFrom, timeout } from 'rxjs';
import { type Appended, type ExpectedVersion, formatEventRef, Progress } from '#libs/event-log';
import type { Actor, EventType, NewEvent } from '#libs/events';
import { isRedisUnavailable } from '#libs/redis';
import { StreamsClient } from '#libs/streams-transport';
import { DEADLINE } from './applied.interceptor.js';
import { idempotencyKey, traceParent, waitPreference } from './preconditions.js';

export interface Accepted {
  readonly eventId: string;
  readonly status: 'accepted';
}

export type Applied<Result> = { readonly eventId: string; readonly status: 'applied' } & Result;

export interface Write<T extends EventType, Result> {
  readonly type: T;
  readonly data: NewEvent<T>['data'];
  readonly caller: Actor;
  readonly expectedVersion?: ExpectedVersion | undefined;
  /** The projected result, read once the event has taken effect. */
  result(appended: Appended): Promise<Result>;
}

/** What every write has in common: it is appended once, and answered as accepted or, if asked to wait, applied. */
@Injectable()
export class WriteService {
  constructor(
    private readonly events: StreamsClient,
    private readonly progress: Progress,
  ) {}

  async write<T extends EventType, Result>(
    { type, data, caller, expectedVersion, result }: Write<T, Result>,
    { headers }: FastifyRequest,
    reply: FastifyReply,
  ): Promise<Accepted | Applied<Result>> {
    const seconds = waitPreference(headers);
    const key = idempotencyKey(headers);
    const trace = traceParent(headers);
    const appended = await firstValueFrom(
      this.events
        .append(type, data, {
          actor: caller,
          ...(key !== undefined && { idempotencyKey: key }),
          ...(trace !== undefined && { trace }),
          ...(expectedVersion !== undefined && { expectedVersion }),
        })
        .pipe(timeout(DEADLINE)),
    );
    const eventId = formatEventRef(appended.ref);
    if (appended.replayed) reply.header('Idempotency-Replayed', 'true');
    if (appended.version !== undefined) reply.header('ETag', `"${appended.version}"`);
    const projected = seconds > 0 ? await this.projected(appended, seconds, result) : undefined;
    if (!projected) {
      reply.status(202);
      return { eventId, status: 'accepted' };
    }
    reply.status(200).header('Preference-Applied', `wait=${seconds}`);
    return { eventId, status: 'applied', ...projected };
  }

  /** The event is in the log: if Redis goes away now, the write is accepted all the same. */
  private async projected<Result>(
    appended: Appended,
    seconds: number,
    result: (appended: Appended) => Promise<Result>,
  ): Promise<Result | undefined> {
    try {
      if (!(await this.progress.whenApplied(appended.ref, seconds * 1_000))) return undefined;
      return await result(appended);
    } catch (error) {
      if (isRedisUnavailable(error)) return undefined;
      throw error;
    }
  }
}
