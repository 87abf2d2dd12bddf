import { type EventId, formatEventId, type RecordedEvent, type StreamName, unpackEvent } from '#libs/events';
import type { RedisClient } from '#libs/redis';
import { script } from '../lua.js';
import type { Topology } from '../partitions/topology.js';
import type { LogEntry } from './log-reader.js';

const readHead = script<LogEntry | []>('read-head');

/** Reads single events directly from the log, so they need not have been projected yet. */
export class VersionReader {
  constructor(
    private readonly redis: RedisClient,
    private readonly topology: Topology,
  ) {}

  /**
   * The latest version of a part of a subject, against which the next write is checked.
   *
   * @returns undefined if there never was one
   */
  async head(stream: StreamName, subject: string, part: string): Promise<RecordedEvent | undefined> {
    const keys = this.topology.of(stream, subject);
    const [id, fields] = await readHead.run(this.redis, [keys.stream, keys.versions(subject)], [part]);
    return id === undefined || fields === undefined ? undefined : unpackEvent(id, fields);
  }

  /** @returns undefined if there is no such event */
  async event(stream: StreamName, subject: string, id: EventId): Promise<RecordedEvent | undefined> {
    const text = formatEventId(id);
    const [entry] = await this.redis.xrange(this.topology.of(stream, subject).stream, text, text);
    return entry && unpackEvent(...entry);
  }
}
