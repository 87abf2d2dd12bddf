import type { Topology } from '#libs/event-log';
import { compareEventIds, type EventId, type RecordedEvent } from '#libs/events';

export type BoardEvent = RecordedEvent<'BoardDefined' | 'BoardRemoved'>;

/** The state of a board when an event was appended. */
export interface Life {
  /** The number of its shards, if it had any. */
  readonly shards: number | undefined;
  /**
   * `live`: the board's own partition agrees. `over`: its own partition had removed the board, and the copy of the removal had
   * not arrived. `ahead`: the event that defined the board has a later id, and has not been read yet.
   */
  readonly state: 'live' | 'over' | 'ahead';
}

/** The shards of a board, from its creation until its removal. */
interface Spread {
  readonly born: EventId;
  readonly shards: number;
}

const WHOLE: Life = { shards: undefined, state: 'live' };

/**
 * Reconstructs what each partition knew about sharded boards when an event was appended to it, from the definitions that had
 * arrived there. Ids alone do not tell, because ids of different partitions are not in the order of arrival.
 */
export class BoardLives {
  /** According to the boards' own partitions. */
  private readonly homes = new Map<string, Spread>();
  /** The last event that created each sharded board. */
  private readonly births = new Map<string, EventId>();
  /** By partition: according to the copies there. */
  private readonly copies: readonly Map<string, Partial<Spread> & { readonly first: EventId }>[];

  constructor(private readonly log: Topology) {
    this.copies = log.all('scores').map(() => new Map());
  }

  /** @returns whether the board was created or removed, and had or has shards */
  apply(partition: number, event: BoardEvent): boolean {
    const { board, first } = event.data;
    const { source, shards } = event.type === 'BoardDefined' ? event.data.definition : {};
    const spread = source === undefined ? shards : undefined;
    if (first) {
      const born = event.type === 'BoardDefined' ? event.data.born : undefined;
      this.applyCopy(partition, board, { first, ...(born && spread && { born, shards: spread }) });
      return false;
    }
    const before = this.homes.get(board);
    if (spread === undefined) return this.homes.delete(board);
    const born = before?.born ?? event.id;
    this.homes.set(board, { born, shards: spread });
    this.births.set(board, born);
    return before === undefined;
  }

  /** The state of a board for the next event of a partition. */
  at(partition: number, board: string): Life {
    const isHome = this.log.of('scores', board).partition === partition;
    const current = this.homes.get(board);
    if (isHome) return current ? { shards: current.shards, state: 'live' } : WHOLE;
    const { born, shards } = this.copies[partition]?.get(board) ?? {};
    if (!born) return { shards: current?.shards, state: 'over' };
    const last = this.births.get(board);
    if (!last || compareEventIds(last, born) < 0) return { shards, state: 'ahead' };
    return { shards, state: current && isSame(current.born, born) ? 'live' : 'over' };
  }

  /** Like the append script: an older definition never replaces a newer one. */
  private applyCopy(partition: number, board: string, copy: Partial<Spread> & { first: EventId }): void {
    const known = this.copies[partition]?.get(board);
    if (!known || compareEventIds(known.first, copy.first) < 0) this.copies[partition]?.set(board, copy);
  }
}

const isSame = (a: EventId, b: EventId) => compareEventIds(a, b) === 0;
