import { parsePartitionKey, partitionKeysLike, type Topology } from '#libs/event-log';
import { formatEventId, type RecordedEvent } from '#libs/events';
import { scoreDocuments } from '#libs/leaderboards';
import { type RedisClient, readWholeHash } from '#libs/redis';
import { scan } from './logins.js';
import type { Placed } from './partition-writer.js';

export type EntryEvent = RecordedEvent<'ScoreSubmitted' | 'EntryRevoked'>;

/** A player's entry was revoked, and the board removed or spread otherwise, while the log was moved. */
export class RevokedMeanwhileError extends Error {
  readonly code = 'REVOKED_MEANWHILE';
  override readonly name = 'RevokedMeanwhileError';

  constructor(board: string) {
    super(`an entry of ${board} was revoked, and the board removed or given shards meanwhile`);
  }
}

/**
 * Numbers revocations anew. Each partition numbers those of a player's entry for itself, and a score counts if no number in
 * its partition is higher than its own. A board that had other shards in a former life has a player's events in several
 * partitions, and what was in two can come into one. So all are numbered such that what counts when the move begins has the
 * same number everywhere, the highest one.
 */
export class Revocations {
  /** By entry and partition: how many there were when the move began. Mostly there are none. */
  private readonly counts = new Map<string, Map<number, number>>();
  /** By entry and partition that is made: the last number. */
  private readonly heads = new Map<string, number>();
  /** By entry and partition: scores that will be revoked. */
  private readonly doomed = new Map<string, Placed[]>();
  /** Boards with revocations since the move began. */
  private readonly since = new Set<string>();

  /** Looks how many there are. */
  async read(redis: RedisClient, { prefix, epochs }: Topology): Promise<void> {
    const readBoard = async (key: string) => {
      const name = parsePartitionKey(prefix, key);
      if (name?.epoch !== epochs.scores) return;
      const board = name.rest.slice('versions:'.length);
      for (const [player, head] of Object.entries(await readWholeHash(redis, key)))
        this.count(`${board}/${player}`, name.partition, Number.parseInt(head, 10));
    };
    for await (const keys of scan(redis, partitionKeysLike(prefix, 'scores', 'versions:*')))
      await Promise.all(keys.map(readBoard));
  }

  /** @returns the number that an event has from now on, for the one that it had */
  numberOf(source: number, { data, version = 0 }: EntryEvent): number {
    const counts = this.counts.get(entryOf(data));
    return counts ? Math.max(...counts.values()) - (counts.get(source) ?? 0) + version : version;
  }

  /**
   * Sees to it that what is appended later is numbered behind, and that a revocation also reaches scores that were in its
   * partition, and have come into others.
   */
  note(source: number, event: EntryEvent, number: number, place: Placed): void {
    if (number === 0 && !this.counts.has(entryOf(event.data))) return;
    const { board, player } = event.data;
    const { writer, id } = place;
    const { partition } = writer.keys;
    const head = `${entryOf(event.data)} ${partition}`;
    if (number > (this.heads.get(head) ?? 0)) {
      this.heads.set(head, number);
      writer.set(writer.keys.versions(board), player, `${number} ${formatEventId(id)}`);
    }
    this.reach(source, event, place);
  }

  /** @throws RevokedMeanwhileError when a number given out would be too high in another life of the board: begun anew, it fits */
  assertNone(board: string): void {
    if (this.since.has(board)) throw new RevokedMeanwhileError(board);
  }

  private reach(source: number, { type, data, version = 0 }: EntryEvent, place: Placed): void {
    const entry = `${entryOf(data)} ${source}`;
    const count = this.counts.get(entryOf(data))?.get(source) ?? 0;
    const doomed = this.doomed.get(entry) ?? [];
    if (type === 'ScoreSubmitted') {
      if (version >= count) return;
      doomed.push(place);
      this.doomed.set(entry, doomed);
      return;
    }
    if (version > count) this.since.add(data.board);
    this.doomed.delete(entry);
    for (const { writer, id } of doomed)
      if (writer !== place.writer)
        writer.set(writer.keys.skipped(scoreDocuments.name), formatEventId(id), 'dropped');
  }

  private count(entry: string, partition: number, count: number): void {
    const counts = this.counts.get(entry) ?? new Map<number, number>();
    this.counts.set(entry, counts.set(partition, count));
  }
}

const entryOf = ({ board, player }: EntryEvent['data']) => `${board}/${player}`;

/** The fields of an entry with another number of revocations. @param number 0 for none */
export function withNumber(fields: readonly string[], number: number): readonly string[] {
  const at = fields.indexOf('v');
  const own = at < 0 ? 0 : Number(fields[at + 1]);
  if (own === number) return fields;
  const others = at < 0 ? fields : fields.toSpliced(at, 2);
  return number === 0 ? others : others.toSpliced(2, 0, 'v', String(number));
}
