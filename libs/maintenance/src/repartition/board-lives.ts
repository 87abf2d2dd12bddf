import type { Topology } from '#libs/event-log';
import { compareEventIds, type EventId, type RecordedEvent } from '#libs/events';

export type BoardEvent = RecordedEvent<'BoardDefined' | 'BoardRemoved'>;

/** As a board was for an event that was appended. */
export interface Life {
  /** Over how many partitions it was spread, if it was. */
  readonly shards: number | undefined;
  /**
   * `live`: as its own partition says, too; `over`: that one had removed the board already, and the copy of that was
   * under way; `ahead`: it was defined by an event that was not read yet, for it has a later id.
   */
  readonly state: 'live' | 'over' | 'ahead';
}

/** From when on a board has shards, until its removal. */
interface Spread {
  readonly born: EventId;
  readonly shards: number;
}

const WHOLE: Life = { shards: undefined, state: 'live' };

/**
 * What the partitions of a log knew of boards with shards when events were appended to them, each by what came to it. Ids
 * do not tell: those of one partition are in order with each other, but not with what another one was told meanwhile.
 */
export class BoardLives {
  /** By the boards' own partitions. */
  private readonly homes = new Map<string, Spread>();
  /** The last event that a board was born by. Boards that never had shards are not here. */
  private readonly births = new Map<string, EventId>();
  /** By partition: what copies say. */
  private readonly copies: readonly Map<string, Partial<Spread> & { readonly first: EventId }>[];

  constructor(private readonly log: Topology) {
    this.copies = log.all('scores').map(() => new Map());
  }

  /** @returns whether another life of the board begins, and it has shards in one of them */
  hear(partition: number, event: BoardEvent): boolean {
    const { board, first } = event.data;
    const { source, shards } = event.type === 'BoardDefined' ? event.data.definition : {};
    const spread = source === undefined ? shards : undefined;
    if (first) {
      const born = event.type === 'BoardDefined' ? event.data.born : undefined;
      this.hearCopy(partition, board, { first, ...(born && spread && { born, shards: spread }) });
      return false;
    }
    const before = this.homes.get(board);
    if (spread === undefined) return this.homes.delete(board);
    const born = before?.born ?? event.id;
    this.homes.set(board, { born, shards: spread });
    this.births.set(board, born);
    return before === undefined;
  }

  /** What a board was for what was appended to a partition next. */
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

  /** As the append script does: an older definition never replaces a newer one. */
  private hearCopy(partition: number, board: string, copy: Partial<Spread> & { first: EventId }): void {
    const known = this.copies[partition]?.get(board);
    if (!known || compareEventIds(known.first, copy.first) < 0) this.copies[partition]?.set(board, copy);
  }
}

const isSame = (a: EventId, b: EventId) => compareEventIds(a, b) === 0;
