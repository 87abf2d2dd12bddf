import { type LogEntry, type PartitionKeys, PartitionLog, type Topology } from '#libs/event-log';
import {
  compareEventIds,
  type EventId,
  eventDefinitionOf,
  formatEventId,
  type NewEvent,
  packEvent,
  parseEventId,
  type RecordedEvent,
  type StreamName,
  unpackEvent,
} from '#libs/events';
import { leaderboards, SCORED_BOARD } from '#libs/leaderboards';
import { nodeOf, type RedisClient, readWholeHash } from '#libs/redis';
import { type BoardEvent, BoardLives } from './board-lives.js';
import { Definitions } from './definitions.js';
import { ClocksDifferError } from './errors.js';
import { inOrder, type OrderedEntry } from './in-order.js';
import { ClockError, PartitionWriter, type Placed } from './partition-writer.js';
import { type EntryEvent, Revocations, withNumber } from './revocations.js';
import { isOfBoard, type Placement, Router } from './router.js';
import { SideRecords } from './side-records.js';

/** How far a clock can be set back without harm while the log accepts events. */
const CLOCK_MARGIN_MS = 100;
/** No event has a greater sequence number. */
const MAX_SEQ = 999_999_999_999_999;

/** By place of an event: the groups whose state lacks it. */
export type Skipped = ReadonlyMap<string, readonly string[]>;

/** The key of an event in `Skipped`. */
export const skippedKey = (partition: number, id: string) => `${partition}/${id}`;

/** An entry of the old log; without an event if it cannot be decoded. */
interface Arrived extends OrderedEntry {
  readonly event: RecordedEvent | undefined;
}

/** An event in its new place. */
interface Written extends Placed {
  readonly event: NewEvent;
  /** The packed event. */
  readonly e: string;
}

/**
 * Writes the new partitions of a stream from the old ones: events in the order of their ids, with the same ids where possible, and
 * beside them heads, definitions, idempotency records, intervals, and dropped events.
 */
export class StreamReplay {
  readonly writers: readonly PartitionWriter[];
  /** The number of events read, by partition. */
  readonly read: number[];
  private readonly router: Router;
  private readonly positions: string[];
  /** The latest definitions of boards, and boards that have scores without a definition. */
  private readonly definitions = new Definitions();
  private readonly lives: BoardLives;
  private readonly revocations = new Revocations();
  /** By board: entries that were appended under a definition with a later id. */
  private readonly waiting = new Map<string, Arrived[]>();
  /** By derived board: the event that defined it. */
  private readonly derived = new Map<string, Written & { readonly of: RecordedEvent }>();
  private readonly from: readonly PartitionKeys[];
  private readonly side: SideRecords;

  constructor(
    private readonly redis: RedisClient,
    private readonly before: Topology,
    private readonly after: Topology,
    private readonly stream: StreamName,
    private readonly skipped: Skipped,
  ) {
    this.from = before.all(stream);
    this.router = new Router(after);
    this.writers = after.all(stream).map(keys => new PartitionWriter(redis, keys));
    this.read = this.from.map(() => 0);
    this.positions = this.from.map(() => '0-0');
    this.lives = new BoardLives(before);
    this.side = new SideRecords(redis, this.from);
  }

  /** Definitions and removals of boards, by new partition. */
  get boardEvents(): ReadonlyMap<PartitionKeys, RecordedEvent[]> {
    return this.definitions.events;
  }

  get processed(): number {
    return this.read.reduce((sum, count) => sum + count, 0);
  }

  /** The greatest id of all events, old and new. */
  get end(): EventId {
    return this.writers.map(({ last }) => last).reduce((a, b) => (compareEventIds(a, b) < 0 ? b : a));
  }

  /** Reads what must be known about later events before the first one is copied. */
  async begin(): Promise<void> {
    if (this.stream === 'scores') await this.revocations.read(this.redis, this.before);
  }

  /**
   * Copies the marks of boards that have scores and no definition. If those scores were erased, no event shows the mark. The marks
   * are at least as new as the events that were read.
   */
  async keepMarks(): Promise<void> {
    if (this.stream !== 'scores') return;
    for (const keys of this.from)
      for (const [board, text] of Object.entries(await readWholeHash(this.redis, keys.definitions())))
        if (text === SCORED_BOARD)
          this.definitions.mark(this.writerOf(this.after.of('scores', board).partition), board);
    await Promise.all(this.writers.map(writer => writer.flush()));
  }

  /**
   * Continues from its last position.
   *
   * @param isClosed whether the log is closed; otherwise it stops shortly before the newest events
   * @param onSection called after some thousand events; may throw to stop
   * @returns the number of events read
   * @throws PlayerBeingErasedError, RevokedMeanwhileError, PartitionLostError, ClockError, ClocksDifferError
   */
  async run(isClosed: boolean, onSection: () => Promise<void>): Promise<number> {
    const before = this.processed;
    const upTo = isClosed ? '+' : formatEventId({ ms: await this.frontier(), seq: MAX_SEQ });
    const logs = this.from.map((keys, i) =>
      new PartitionLog(this.redis, keys).pages(this.positions[i], upTo),
    );
    for await (const section of inOrder(logs)) {
      for (const entry of section) this.take(entry);
      await this.side.find();
      await Promise.all(this.writers.map(writer => writer.flush()));
      await onSection();
    }
    const [board] = this.waiting.keys();
    if (isClosed && board !== undefined) throw new ClocksDifferError(board);
    return this.processed - before;
  }

  /** The time, in milliseconds, up to which no partition can get another event: ids only grow, and are not before the clock. */
  private async frontier(): Promise<number> {
    const ends = await Promise.all(
      this.from.map(async keys => {
        const [[last] = []] = await new PartitionLog(this.redis, keys).pageDown('+', 1);
        const [seconds = 0, micros = 0] = (await nodeOf(this.redis, keys.stream).time()).map(Number);
        const clock = seconds * 1_000 + Math.floor(micros / 1_000) - CLOCK_MARGIN_MS;
        return last === undefined ? clock : Math.max(clock, parseEventId(last).ms);
      }),
    );
    return Math.max(0, Math.min(...ends) - 1);
  }

  private take(entry: OrderedEntry): void {
    const { source } = entry;
    const [id] = entry.entry;
    this.read[source] = (this.read[source] ?? 0) + 1;
    this.positions[source] = id;
    this.place({ ...entry, event: decode(entry.entry) });
  }

  private place(arrived: Arrived): void {
    const { event } = arrived;
    if (!event) this.write(arrived);
    else if (isOfBoard(event)) this.placeBoard(arrived, event);
    else if (isOfEntry(event)) this.placeEntry(arrived, event);
    else {
      const placements = this.router.route(event);
      if (placements.length > 0) this.write(arrived, placements);
    }
  }

  private placeBoard(arrived: Arrived, event: BoardEvent): void {
    const { board, first } = event.data;
    if (this.lives.apply(arrived.source, event)) this.revocations.assertNone(board);
    if (first) return;
    const written = this.write(arrived, this.router.route(event));
    this.derived.delete(board);
    if (event.type === 'BoardDefined' && event.data.definition.source !== undefined)
      this.derived.set(board, { ...written, of: event });
    for (const late of this.router.derivedFrom(board)) {
      const counting = this.derived.get(late.board);
      if (counting) for (const copy of late.copiesOf(counting.of)) this.copy(copy, counting, arrived.id);
    }
    this.release(board);
  }

  /** Places an event about an entry where the entry was at that time. What did not count then does not count now. */
  private placeEntry(arrived: Arrived, event: EntryEvent): void {
    const { source } = arrived;
    const { board } = event.data;
    const { shards, state } = this.lives.at(source, board);
    if (state === 'ahead') {
      const waiting = this.waiting.get(board) ?? [];
      this.waiting.set(board, waiting);
      waiting.push(arrived);
      return;
    }
    const number = this.revocations.numberOf(source, event);
    const [id, fields] = arrived.entry;
    const entry: LogEntry = [id, withNumber(fields, number)];
    const written = this.write({ ...arrived, entry }, this.router.route(event, shards));
    this.revocations.note(source, event, number, written);
    const isScore = event.type === 'ScoreSubmitted';
    if (isScore && state === 'live' && shards === undefined) this.definitions.mark(written.writer, board);
    if (state !== 'over') return;
    if (isScore) this.drop(written, leaderboards.name);
    else this.revocations.assertNone(board);
  }

  /** @throws ClocksDifferError */
  private release(board: string): void {
    const waiting = this.waiting.get(board) ?? [];
    this.waiting.delete(board);
    try {
      for (const arrived of waiting) this.place(arrived);
    } catch (error) {
      throw error instanceof ClockError ? new ClocksDifferError(board) : error;
    }
  }

  /** @param placements empty for an entry that is not an event */
  private write({ source, id, entry, event }: Arrived, placements: readonly Placement[] = []): Written {
    const [text, fields] = entry;
    const [first, ...copies] = placements;
    const writer = this.writerOf(first?.partition ?? source % this.writers.length);
    const given = writer.add(id, fields);
    const written = { writer, id: given, event, e: fields[fields.indexOf('e') + 1] ?? '' } as Written;
    const places = [written];
    if (event) {
      this.keepBeside(written, fields);
      places.push(...copies.map(copy => this.copy(copy, written, id)));
      this.side.note({ source, event, places });
    }
    for (const group of this.skipped.get(skippedKey(source, text)) ?? [])
      for (const place of places) this.drop(place, group);
    return written;
  }

  private drop({ writer, id }: Written, group: string): void {
    writer.set(writer.keys.skipped(group), formatEventId(id), 'dropped');
  }

  private copy({ partition, copy }: Placement, first: Written, id: EventId): Written {
    const writer = this.writerOf(partition);
    const { board } = first.event.data as { readonly board?: string };
    const born = board === undefined ? undefined : this.definitions.bornOf(first.writer, board);
    const event = copy?.(first.id, born) ?? first.event;
    const packed = packEvent(event);
    const e = event.type === first.event.type ? copyText(first, event) : packed.e;
    const written = { writer, id: writer.add(id, Object.entries({ ...packed, e }).flat()), event, e };
    this.definitions.add(written);
    return written;
  }

  /** Writes the head of a versioned event, like the append script, and definitions. */
  private keepBeside(written: Written, fields: readonly string[]): void {
    const { writer, id, event } = written;
    const { countsVersionOf, subject, isDeletion, stream } = eventDefinitionOf(event.type);
    // Revocations of entries are renumbered.
    if (countsVersionOf && stream === 'players') {
      const version = fields[fields.indexOf('v') + 1];
      const { document } = event.data as { readonly document?: string };
      const size = document === undefined ? '' : `/${Buffer.byteLength(document)}`;
      const key = writer.keys.versions(subject(event.data));
      writer.set(
        key,
        countsVersionOf(event.data),
        `${version} ${formatEventId(id)}${isDeletion ? ' -' : size}`,
      );
    }
    this.definitions.add(written);
  }

  private writerOf(partition: number): PartitionWriter {
    return this.writers[partition] as PartitionWriter;
  }
}

const isOfEntry = (event: RecordedEvent): event is EntryEvent =>
  event.type === 'ScoreSubmitted' || event.type === 'EntryRevoked';

/**
 * The packed text of a copy: the original's data, then the original's id and further fields. It is made from the text, so that it
 * is byte for byte what the append script was given.
 */
function copyText({ e, id }: Written, { data }: NewEvent): string {
  const values: unknown[] = JSON.parse(e);
  const { definition, born } = data as Partial<NewEvent<'BoardDefined'>['data']>;
  if (definition?.shards !== undefined) values[3] = { ...(values[3] as object), shards: definition.shards };
  return JSON.stringify([...values, formatEventId(id), ...(born ? [formatEventId(born)] : [])]);
}

/** @returns undefined for an entry that is not an event; it stays in the log without effect */
function decode([id, fields]: LogEntry): RecordedEvent | undefined {
  try {
    return unpackEvent(id, fields);
  } catch {
    return undefined;
  }
}
