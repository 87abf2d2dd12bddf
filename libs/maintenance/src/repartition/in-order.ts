import type { LogEntry } from '#libs/event-log';
import { compareEventIds, type EventId, parseEventId } from '#libs/events';

/** An entry of one of several logs. */
export interface OrderedEntry {
  /** Which log has it, counted from 0. */
  readonly source: number;
  readonly id: EventId;
  readonly entry: LogEntry;
}

/** Entries in a stretch, about and at least, where there are so many. */
const STRETCH = 2_000;

type Pages = AsyncIterator<readonly LogEntry[], unknown>;

/** Merges logs by the ids of their entries, in stretches; entries with one id, by the numbers of their logs. */
export async function* inOrder(logs: readonly Pages[]): AsyncGenerator<OrderedEntry[], void> {
  const heads = logs.map((pages, source) => new Head(pages, source));
  await Promise.all(heads.map(head => head.read()));
  let stretch: OrderedEntry[] = [];
  for (let first = earliest(heads); first; first = earliest(heads)) {
    stretch.push(first.take());
    if (first.next) continue;
    // What comes next in this log is not known.
    await first.read();
    if (stretch.length < STRETCH) continue;
    yield stretch;
    stretch = [];
  }
  if (stretch.length > 0) yield stretch;
}

function earliest(heads: readonly Head[]): Head | undefined {
  let first: Head | undefined;
  for (const head of heads)
    if (head.next && (!first?.next || compareEventIds(head.next, first.next) < 0)) first = head;
  return first;
}

/** Where the reading of one log is. */
class Head {
  /** The id of its next entry; nothing when another page must be read, or at its end. */
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
    this.look();
  }

  take(): OrderedEntry {
    const taken = {
      source: this.source,
      id: this.next as EventId,
      entry: this.page[this.index] as LogEntry,
    };
    this.index += 1;
    this.look();
    return taken;
  }

  private look(): void {
    const entry = this.page[this.index];
    this.next = entry && parseEventId(entry[0]);
  }
}
