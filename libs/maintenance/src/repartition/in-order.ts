import type { LogEntry } from '#libs/event-log';
import { compareEventIds, type EventId, parseEventId } from '#libs/events';

/** An entry of one of several logs. */
export interface OrderedEntry {
  /** The index of its log. */
  readonly source: number;
  readonly id: EventId;
  readonly entry: LogEntry;
}

/** The minimum entries in a section; a page more at most. */
const SECTION_ENTRIES = 2_000;

type Pages = AsyncIterator<readonly LogEntry[], unknown>;

/** Merges logs by the ids of their entries, in sections. Entries with equal ids are ordered by the index of their logs. */
export async function* inOrder(logs: readonly Pages[]): AsyncGenerator<OrderedEntry[], void> {
  const heads = logs.map((pages, source) => new Head(pages, source));
  await Promise.all(heads.map(head => head.read()));
  let section: OrderedEntry[] = [];
  for (let first = earliest(heads); first; first = earliest(heads)) {
    section.push(first.take());
    if (first.next) continue;
    // The page of this log is used up, so its next entry is unknown until another page is read.
    await first.read();
    if (section.length < SECTION_ENTRIES) continue;
    yield section;
    section = [];
  }
  if (section.length > 0) yield section;
}

function earliest(heads: readonly Head[]): Head | undefined {
  let first: Head | undefined;
  for (const head of heads)
    if (head.next && (!first?.next || compareEventIds(head.next, first.next) < 0)) first = head;
  return first;
}

/** The reading position in one log. */
class Head {
  /** The id of the next entry; undefined if another page must be read, or at the end. */
  next: EventId | undefined;
  private page: readonly LogEntry[] = [];
  private index = 0;

  constructor(
    private readonly pages: Pages,
    private readonly source: number,
  ) {}

  async read(): Promise<void> {
    const { value, done } = await this.pages.next();
    this.page = done ? [] : (value as readonly LogEntry[]);
    this.index = 0;
    this.update();
  }

  take(): OrderedEntry {
    const taken = {
      source: this.source,
      id: this.next as EventId,
      entry: this.page[this.index] as LogEntry,
    };
    this.index += 1;
    this.update();
    return taken;
  }

  private update(): void {
    const entry = this.page[this.index];
    this.next = entry && parseEventId(entry[0]);
  }
}
