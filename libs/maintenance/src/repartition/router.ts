import { partitionFor, shardsOf, type Topology } from '#libs/event-log';
import {
  type BoardDefinition,
  type EventId,
  eventDefinitionOf,
  type NewEvent,
  type RecordedEvent,
} from '#libs/events';
import type { BoardEvent } from './board-lives.js';

/** A place of an event in the new partitions. */
export interface Placement {
  readonly partition: number;
  /**
   * Makes the copy, if this place gets a copy of the event.
   *
   * @param first the id of the original event
   * @param born for a sharded board, the event that created it
   */
  copy?(first: EventId, born?: EventId): NewEvent;
}

/** The log contains an erasure that is not finished. The player's events must be deleted first. */
export class PlayerBeingErasedError extends Error {
  readonly code = 'PLAYER_BEING_ERASED';
  override readonly name = 'PlayerBeingErasedError';

  constructor() {
    super('a player is being erased');
  }
}

/**
 * Decides the places of events in the new partitions.
 *
 * Copies are derived from the original events only; existing copies are left out. So an event for every partition is in each new
 * partition once, even if a crash had kept it from some of the old ones.
 */
export class Router {
  /** According to their latest events. */
  private readonly boards = new Map<string, Place>();

  constructor(private readonly to: Topology) {}

  /**
   * @param event the next event of all partitions, in the order of ids
   * @param shards the shards of the event's board when the event was appended
   * @returns the place of the original first; none for a copy
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
   * The new places of boards derived from a board that got shards by an event with a later id than their own definition. This is
   * only an effect of clocks: a board with derived boards cannot get shards.
   *
   * @param source the board that the last event has defined
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

  /** A board is in the partitions of its own or its source's shards, and is removed from those where it was before. */
  private copiesOf(event: BoardEvent): Placement[] {
    const { board } = event.data;
    const before = this.boards.get(board)?.partitions ?? [];
    this.boards.delete(board);
    const place = event.type === 'BoardDefined' ? this.placeOf(board, event.data.definition) : NOWHERE;
    if (place !== NOWHERE) this.boards.set(board, place);
    const { source, shards, partitions } = place;
    const spread = source !== undefined && shards !== undefined ? { shards } : {};
    // A removal that follows the definition, with the same original event, would undo it.
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

/** The partitions of a board besides its own. */
interface Place {
  /** The source of a derived board. */
  readonly source?: string;
  /** The shards of the board, or of its source. */
  readonly shards?: number | undefined;
  readonly partitions: readonly number[];
}

const NOWHERE: Place = { partitions: [] };

export const isOfBoard = (event: RecordedEvent): event is BoardEvent =>
  event.type === 'BoardDefined' || event.type === 'BoardRemoved';

const union = (a: readonly number[], b: readonly number[]) => [...new Set([...a, ...b])];

/** @param spread additional fields of the definition in these partitions */
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
