import type { PartitionKeys } from '#libs/event-log';
import {
  compareEventIds,
  definitionText,
  type EventId,
  formatEventId,
  type NewEvent,
  type RecordedEvent,
} from '#libs/events';
import { SCORED_BOARD } from '#libs/leaderboards';
import type { PartitionWriter, Placed } from './partition-writer.js';

/** A board in a new partition. */
interface Known {
  /** The original event of its latest definition or removal, if there is one. */
  readonly by?: EventId;
  /** In the own partition of a sharded board: the event that created it. */
  readonly born?: EventId | undefined;
  readonly is: 'defined' | 'removed' | 'scored';
}

/** Writes the definitions beside new partitions, as the append script would have done. */
export class Definitions {
  /** Definitions and removals by partition. There are few. */
  readonly events = new Map<PartitionKeys, RecordedEvent[]>();
  private readonly boards = new Map<PartitionWriter, Map<string, Known>>();

  bornOf(writer: PartitionWriter, board: string): EventId | undefined {
    return this.boards.get(writer)?.get(board)?.born;
  }

  /** An older definition never replaces a newer one. */
  add({ writer, id, event: { type, data, ...rest } }: Placed & { readonly event: NewEvent }): void {
    if (type !== 'BoardDefined' && type !== 'BoardRemoved') return;
    const { board, first, definition } = data as Partial<NewEvent<'BoardDefined'>['data']> & {
      board: string;
    };
    const { keys } = writer;
    const events = this.events.get(keys) ?? [];
    this.events.set(keys, events);
    events.push({ ...rest, type, data, id } as RecordedEvent);
    const known = this.boards.get(writer)?.get(board);
    const by = first ?? id;
    if (known?.by && compareEventIds(known.by, by) >= 0) return;
    const isBorn = !first && definition?.shards !== undefined;
    const born = isBorn ? (known?.born ?? by) : undefined;
    this.set(writer, board, { by, born, is: definition ? 'defined' : 'removed' });
    const birth = born ? ` ${formatEventId(born)}` : '';
    const text = definition ? `${formatEventId(by)} ${definitionText(definition)}${birth}` : '';
    writer.set(keys.definitions(), board, text);
  }

  /** Marks a board that has scores and no definition. @param writer of the board's own partition */
  mark(writer: PartitionWriter, board: string): void {
    const known = this.boards.get(writer)?.get(board);
    if (known && known.is !== 'removed') return;
    this.set(writer, board, { ...known, is: 'scored' });
    writer.set(writer.keys.definitions(), board, SCORED_BOARD);
  }

  private set(writer: PartitionWriter, board: string, known: Known): void {
    const boards = this.boards.get(writer) ?? new Map<string, Known>();
    this.boards.set(writer, boards.set(board, known));
  }
}
