import { partitionFor, shardsOf, type Topology } from '#libs/event-log';
import {
  type BoardDefinition,
  type EventId,
  eventDefinitionOf,
  type NewEvent,
  type RecordedEvent,
} from '#libs/events';
import type { BoardEvent } from './board-lives.js';

/** A place of an event in a log that is cut anew. */
export interface Placement {
  readonly partition: number;
  /**
   * What stands there instead of the event itself, for a copy of it.
   *
   * @param first the event's id in its first place
   * @param born by which event the board was born, when it has shards
   */
  copy?(first: EventId, born?: EventId): NewEvent;
}

/** An event says that a player is erased: until the player's events are gone, none of them may be moved. */
export class PlayerBeingErasedError extends Error {
  readonly code = 'PLAYER_BEING_ERASED';
  override readonly name = 'PlayerBeingErasedError';

  constructor() {
    super('a player is being erased');
  }
}

/**
 * Says where events belong when a stream has so many partitions.
 *
 * Where copies belong follows from the first events alone: those that the log has are left out, and made anew. So an event
 * for every partition is in each of the new ones once, whatever crash had kept it from some of the old ones.
 */
export class Router {
  /** By what the last events say of them. */
  private readonly boards = new Map<string, Place>();

  constructor(private readonly to: Topology) {}

  /**
   * @param event of all partitions, in the order of their ids
   * @param shards of the board that the event is about, when it was appended
   * @returns its first place first; none for a copy
   * @throws PlayerBeingErasedError
   */
  route(event: RecordedEvent, shards?: number): readonly Placement[] {
    const { type, data } = event;
    if (type === 'PlayerErased' || type === 'ScoresErased') throw new PlayerBeingErasedError();
    if ('first' in data && data.first) return [];
    const { inEveryPartition, stream } = eventDefinitionOf(type);
    if (inEveryPartition)
      return this.to
        .all(stream)
        .map(({ partition }) => (partition === 0 ? { partition } : copyIn(partition, event)));
    const { partition } = partitionFor(this.to, event, shards);
    return isOfBoard(event) ? [{ partition }, ...this.copiesOf(event)] : [{ partition }];
  }

  /**
   * Where boards belong, too, that count the scores of one that was spread by an event with a later id than theirs: only
   * ids can be in this order, for nobody counts what is about to be spread.
   *
   * @param source the board that is defined by the last event
   */
  derivedFrom(source: string): { readonly board: string; copiesOf(event: RecordedEvent): Placement[] }[] {
    const shards = this.boards.get(source)?.shards;
    if (shards === undefined) return [];
    const late = [...this.boards].filter(([, known]) => known.source === source && known.shards !== shards);
    return late.map(([board, known]) => {
      const partitions = this.partitionsOf(source, shards);
      this.boards.set(board, { ...known, shards, partitions: union(known.partitions, partitions) });
      const copiesOf = (event: RecordedEvent) =>
        partitions.map(partition => copyIn(partition, event, { shards }));
      return { board, copiesOf };
    });
  }

  /** A board is where its shards are, or those of which it counts the scores; where it was until then, it is removed. */
  private copiesOf(event: BoardEvent): Placement[] {
    const { board } = event.data;
    const before = this.boards.get(board)?.partitions ?? [];
    this.boards.delete(board);
    const place = event.type === 'BoardDefined' ? this.placeOf(board, event.data.definition) : NOWHERE;
    if (place !== NOWHERE) this.boards.set(board, place);
    const { source, shards, partitions } = place;
    const spread = source !== undefined && shards !== undefined ? { shards } : {};
    // A removal behind the definition with the same first event would undo it.
    const left = before.filter(partition => !partitions.includes(partition));
    return [
      ...partitions.map(partition => copyIn(partition, event, spread)),
      ...left.map(partition => ({
        partition,
        copy: (first: EventId) => removalOf(event, board, first),
      })),
    ];
  }

  private placeOf(board: string, { source, shards }: BoardDefinition): Place {
    if (source === undefined) return { shards, partitions: this.partitionsOf(board, shards).slice(1) };
    const known = this.boards.get(source);
    const spread = known?.source === undefined ? known?.shards : undefined;
    return { source, shards: spread, partitions: this.partitionsOf(source, spread) };
  }

  private partitionsOf(board: string, shards: number | undefined): number[] {
    return shardsOf(this.to, board, shards).map(({ partition }) => partition);
  }
}

/** Where a board is besides its own partition. */
interface Place {
  /** The board that it counts the scores of, if that is not itself. */
  readonly source?: string;
  /** Its own, or its source's. */
  readonly shards?: number | undefined;
  readonly partitions: readonly number[];
}

const NOWHERE: Place = { partitions: [] };

export const isOfBoard = (event: RecordedEvent): event is BoardEvent =>
  event.type === 'BoardDefined' || event.type === 'BoardRemoved';

const union = (a: readonly number[], b: readonly number[]) => [...new Set([...a, ...b])];

/** @param spread what a definition has besides, there */
const copyIn = (partition: number, event: RecordedEvent, spread = {}): Placement => ({
  partition,
  copy: (first, born) => copyOf(event, first, spread, born),
});

function copyOf(event: RecordedEvent, first: EventId, spread: object, born: EventId | undefined): NewEvent {
  const { id: _, version: __, ...rest } = event;
  const copy = eventDefinitionOf(event.type).toCopy as (data: unknown, first: EventId) => NewEvent['data'];
  const data = copy(event.data, first);
  if (event.type !== 'BoardDefined') return { ...rest, data } as NewEvent;
  const definition = { ...event.data.definition, ...spread };
  return { ...rest, data: { ...data, definition, ...(born && { born }) } } as NewEvent;
}

function removalOf(event: RecordedEvent, board: string, first: EventId): NewEvent<'BoardRemoved'> {
  const { id: _, version: __, ...rest } = event;
  return { ...rest, type: 'BoardRemoved', data: { board, first } };
}
