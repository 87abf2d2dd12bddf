import { ClientProxy, type ReadPacket } from '@nestjs/microservices';
import type { Observable } from 'rxjs';
import type { Appended, AppendOptions, EventLog } from '#libs/event-log';
import type { EventType, NewEvent } from '#libs/events';

/** What goes with an event: who caused it, and under which conditions it may be appended. */
export type EventOptions = Pick<NewEvent, 'actor' | 'trace' | 'idempotencyKey'> & AppendOptions;

/**
 * The sending side: `append` emits one event, and the Observable completes when the log has it.
 *
 * Streams carry facts, not questions: there is no `send`.
 */
export class StreamsClient extends ClientProxy {
  constructor(private readonly log: EventLog) {
    super();
  }

  /** Emits the errors of `EventLog.append`. */
  append<T extends EventType>(
    type: T,
    data: NewEvent<T>['data'],
    options: EventOptions,
  ): Observable<Appended> {
    return this.emit<Appended, [NewEvent<T>['data'], EventOptions]>(type, [data, options]);
  }

  override async connect(): Promise<void> {}

  override async close(): Promise<void> {}

  override unwrap<T>(): T {
    return this.log as T;
  }

  protected override publish(): never {
    throw new Error('an event has no answer: use append, and read the projection');
  }

  protected override async dispatchEvent<Result = Appended>(
    packet: ReadPacket<[NewEvent['data'], EventOptions]>,
  ): Promise<Result> {
    const [data, { actor, trace, idempotencyKey, ...conditions }] = packet.data;
    const event = {
      type: packet.pattern as EventType,
      data,
      actor,
      ...(trace !== undefined && { trace }),
      ...(idempotencyKey !== undefined && { idempotencyKey }),
    };
    return (await this.log.append(event, conditions)) as Result;
  }
}
