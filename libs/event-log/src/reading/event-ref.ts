import { type EventId, formatEventId, parseEventId, STREAMS, type StreamName } from '#libs/events';

/** The place of an event in the whole log. To clients, it is an opaque text. */
export interface EventRef {
  readonly stream: StreamName;
  /** `all` for an event of which every partition has a copy; `id` is then the greatest of their ids. */
  readonly partition: number | 'all';
  readonly id: EventId;
}

export function formatEventRef({ stream, partition, id }: EventRef): string {
  return `${stream[0]}${partition === 'all' ? '*' : partition}-${formatEventId(id)}`;
}

/** @throws RangeError if the text is not from `formatEventRef` */
export function parseEventRef(text: string): EventRef {
  const [, initial, partition, id] = /^([a-z])(\*|0|[1-9]\d{0,3})-(.+)$/.exec(text) ?? [];
  const stream = STREAMS.find(name => name[0] === initial);
  if (!stream || !id) throw new RangeError(`"${text}" is not an event reference`);
  return { stream, partition: partition === '*' ? 'all' : Number(partition), id: parseEventId(id) };
}
