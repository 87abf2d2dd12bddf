import { type EventId, formatEventId, type RecordedEvent, type StreamName, unpackEvent } from '#libs/events';
import type { RedisClient } from '#libs/redis';
import { script } from '../lua.js';
import type { Topology } from '../partitions/topology.js';
import { PartitionLog } from './partition-log.js';
import type { LogEntry } from './stream-page.js';

const readHead = script<LogEntry | [id: string] | []>('read-head');

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
    if (id === undefined) return undefined;
    const entry =
      fields === undefined ? await new PartitionLog(this.redis, keys).event(id) : ([id, fields] as const);
    return entry && unpackEvent(...entry);
  }

  /** @returns undefined if there is no such event */
  async event(stream: StreamName, subject: string, id: EventId): Promise<RecordedEvent | undefined> {
    const log = new PartitionLog(this.redis, this.topology.of(stream, subject));
    const entry = await log.event(formatEventId(id));
    return entry && unpackEvent(...entry);
  }
}
