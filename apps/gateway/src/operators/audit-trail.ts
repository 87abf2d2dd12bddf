import { Injectable } from '@nestjs/common';
import {
  type EventPage,
  type EventQuery,
  EventReader,
  LogMovedError,
  type PartitionKeys,
  shardsOf,
  Topology,
} from '#libs/event-log';
import type { RecordedEvent } from '#libs/events';
import { BoardCatalog, ScoreDocumentReader } from '#libs/leaderboards';

/** A page of the audit trail. */
export type PageQuery = Pick<EventQuery, 'limit' | 'cursor' | 'isWanted'>;

/** The events of a board or a player, from the log itself, newest first. */
@Injectable()
export class AuditTrail {
  constructor(
    private readonly events: EventReader,
    private readonly topology: Topology,
    private readonly scores: ScoreDocumentReader,
    private readonly catalog: BoardCatalog,
  ) {}

  /**
   * The events of a board. With a player, only that player's events there, and the player's bans, which affect every board. For a
   * derived board they include the scores of its source. It reads the whole partitions of the board, its shards and its source.
   *
   * @throws InvalidCursorError
   */
  async ofBoard(board: string, player: string | undefined, page: PageQuery): Promise<EventPage> {
    const { source = board } = (await this.catalog.find(board)).definition;
    const boards = [board, source];
    const partitions = [...new Set((await Promise.all(boards.map(name => this.shardsOf(name)))).flat())];
    // Every partition has a copy of a ban: take that of one.
    const [leader] = partitions;
    const wants = ({ data }: RecordedEvent, keys: PartitionKeys) =>
      player === undefined
        ? 'board' in data && boards.includes(data.board)
        : 'player' in data &&
          data.player === player &&
          ('board' in data ? boards.includes(data.board) : keys === leader);
    const mentions = player === undefined ? boards : [player];
    return this.events.page({ partitions, mentions, wants, ...page });
  }

  /**
   * The events of a player: saves, profile, scores, revocations and bans. It reads the player's own partition, those with a score
   * document of the player, and the one that orders bans.
   *
   * @throws InvalidCursorError
   */
  async ofPlayer(player: string, page: PageQuery): Promise<EventPage> {
    const partitions = new Set([
      this.topology.of('players', player),
      this.topology.at('scores', 0),
      ...(await this.scores.partitions(player)),
    ]);
    return this.events.page({
      partitions: [...partitions],
      mentions: [player],
      wants: concerns(player),
      ...page,
    });
  }

  /**
   * All events of a player from all partitions. In between it yields undefined, as `EventReader.all` does.
   *
   * @throws LogMovedError when the log is repartitioned meanwhile: the old partitions are then incomplete
   */
  async *allOfPlayer(player: string): AsyncGenerator<EventPage['events'][number] | undefined, void> {
    const partitions = [this.topology.of('players', player), ...this.topology.all('scores')];
    yield* this.events.all({ partitions, mentions: [player], wants: concerns(player) });
    const isWhole = [this.topology.of('players', player), ...this.topology.all('scores')].every(
      (keys, i) => keys === partitions[i],
    );
    if (!isWhole) throw new LogMovedError();
  }

  private async shardsOf(board: string): Promise<PartitionKeys[]> {
    return shardsOf(this.topology, board, (await this.catalog.find(board)).definition.shards);
  }
}

/** Whether an event is about the player. Copies of bans are left out. */
const concerns =
  (player: string) =>
  ({ data }: RecordedEvent) =>
    'player' in data && data.player === player && !('first' in data && data.first);
