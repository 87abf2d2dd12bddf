import { parsePartitionKey, partitionKeysLike, type Topology } from '#libs/event-log';
import { formatEventId, type RecordedEvent } from '#libs/events';
import { scoreDocuments } from '#libs/leaderboards';
import { type RedisClient, readWholeHash } from '#libs/redis';
import { scan } from './logins.js';
import type { Placed } from './partition-writer.js';

export type EntryEvent = RecordedEvent<'ScoreSubmitted' | 'EntryRevoked'>;

/** During the repartition, an entry was revoked, and its board was removed or got shards. */
export class RevokedMeanwhileError extends Error {
  readonly code = 'REVOKED_MEANWHILE';
  override readonly name = 'RevokedMeanwhileError';

  constructor(board: string) {
    super(`an entry of ${board} was revoked, and the board was removed or got shards, in the meantime`);
  }
}

/**
 * Renumbers revocations. Each partition numbers the revocations of a player's entry by itself, and a score counts if its number
 * is the highest in its partition. If a board was removed and defined again with other shards, a player's events can be in
 * several partitions, and the repartition can bring them together in one. So they are renumbered: everything that counts when
 * the repartition begins gets the same, highest number in all partitions.
 */
export class Revocations {
  /** By entry and partition: the number of revocations when the repartition began. Usually there are none. */
  private readonly counts = new Map<string, Map<number, number>>();
  /** By entry and new partition: the last number. */
  private readonly heads = new Map<string, number>();
  /** By entry and partition: scores that a later event revokes. */
  private readonly revoked = new Map<string, Placed[]>();
  /** Boards with revocations since the repartition began. */
  private readonly since = new Set<string>();

  /** Reads the numbers of revocations. */
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

  /** @returns the new number of an event */
  numberOf(source: number, { data, version = 0 }: EntryEvent): number {
    const counts = this.counts.get(entryOf(data));
    return counts ? Math.max(...counts.values()) - (counts.get(source) ?? 0) + version : version;
  }

  /**
   * Records the number, so that later events continue after it, and applies a revocation also to scores from its old partition
   * that are now in other partitions.
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

  /** @throws RevokedMeanwhileError if an assigned number is too high after the board was defined again: the repartition must start over */
  assertNone(board: string): void {
    if (this.since.has(board)) throw new RevokedMeanwhileError(board);
  }

  private reach(source: number, { type, data, version = 0 }: EntryEvent, place: Placed): void {
    const entry = `${entryOf(data)} ${source}`;
    const count = this.counts.get(entryOf(data))?.get(source) ?? 0;
    const revoked = this.revoked.get(entry) ?? [];
    if (type === 'ScoreSubmitted') {
      if (version >= count) return;
      revoked.push(place);
      this.revoked.set(entry, revoked);
      return;
    }
    if (version > count) this.since.add(data.board);
    this.revoked.delete(entry);
    for (const { writer, id } of revoked)
      if (writer !== place.writer)
        writer.set(writer.keys.skipped(scoreDocuments.name), formatEventId(id), 'dropped');
  }

  private count(entry: string, partition: number, count: number): void {
    const counts = this.counts.get(entry) ?? new Map<number, number>();
    this.counts.set(entry, counts.set(partition, count));
  }
}

const entryOf = ({ board, player }: EntryEvent['data']) => `${board}/${player}`;

/** The fields of an entry with another revocation number. @param number 0 for none */
export function withNumber(fields: readonly string[], number: number): readonly string[] {
  const at = fields.indexOf('v');
  const own = at < 0 ? 0 : Number(fields[at + 1]);
  if (own === number) return fields;
  const others = at < 0 ? fields : fields.toSpliced(at, 2);
  return number === 0 ? others : others.toSpliced(2, 0, 'v', String(number));
}
