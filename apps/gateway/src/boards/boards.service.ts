import { Injectable } from '@nestjs/common';
import { type Appended, EventLog, NotReplayedError, Topology } from '#libs/event-log';
import type { BoardDefinition } from '#libs/events';
import {
  BoardCatalog,
  type DefinedBoard,
  DenseShardsError,
  definitionIdOf,
  type Envelope,
  LeaderboardReader,
} from '#libs/leaderboards';
import { notFound, Problem } from '../http/problem.js';
import { withValue } from '../http/validation/field-rules.js';
import { invalid } from '../http/validation/validation.js';
import { derived } from '../scores/score-rules.js';

const REPLAY_ONLY = { replayOnly: true } as const;

/** Defines and removes boards, and revokes entries, if the current boards allow it. */
@Injectable()
export class BoardsService {
  constructor(
    private readonly topology: Topology,
    private readonly catalog: BoardCatalog,
    private readonly leaderboards: LeaderboardReader,
    private readonly log: EventLog,
  ) {}

  /**
   * @throws Problem 400 when it has more shards than there are partitions
   * @throws Problem 409 when its source is a derived board, when it is the source of another board and gets one itself, when its source has shards and the ranking is dense, or when its number
   *   of shards cannot change
   */
  async define(board: string, definition: BoardDefinition, envelope: Envelope): Promise<Appended> {
    const refusal = await this.refusalToDefine(board, definition);
    return refusal
      ? orDeduplicated(refusal, envelope, () => this.catalog.define(board, definition, envelope, REPLAY_ONLY))
      : this.catalog.define(board, definition, envelope);
  }

  /** @throws Problem 404 when there is no such board, 409 while it is the source of another one */
  async remove(board: string, envelope: Envelope): Promise<Appended> {
    const refusal = await this.refusalToRemove(board);
    return refusal
      ? orDeduplicated(refusal, envelope, () => this.catalog.remove(board, envelope, REPLAY_ONLY))
      : this.catalog.remove(board, envelope);
  }

  /**
   * @throws Problem 409 when the board is derived from another
   * @throws DefinitionChangedError when the board is redefined again and again meanwhile
   */
  revoke(board: string, player: string, envelope: Envelope): Promise<Appended> {
    return this.catalog.appendWithDefinition(board, known => {
      const { source, shards } = known.definition;
      const place = shards !== undefined && { shards };
      const append = (conditions: { definedBy: string } | typeof REPLAY_ONLY) =>
        this.log.append(
          { type: 'EntryRevoked', data: { board, player }, ...envelope },
          { ...conditions, ...place },
        );
      return source === undefined
        ? append({ definedBy: definitionIdOf(known) })
        : orDeduplicated(derived(board, source), envelope, () => append(REPLAY_ONLY));
    });
  }

  private async refusalToDefine(
    board: string,
    { source, shards, ranking }: BoardDefinition,
  ): Promise<Problem | Error | undefined> {
    const partitions = this.topology.counts.scores;
    if (shards !== undefined && shards > partitions)
      throw invalid([
        {
          path: 'shards',
          message: withValue(
            `shards must be at most ${partitions}: so many partitions of scores there are`,
            shards,
          ),
        },
      ]);
    if (source === undefined) return undefined;
    const boards = await this.catalog.all();
    const isDense = ranking === 'dense' && boards.get(source)?.definition.shards !== undefined;
    return chainProblem(board, source, boards) ?? (isDense ? new DenseShardsError(source) : undefined);
  }

  private async refusalToRemove(board: string): Promise<Problem | undefined> {
    const boards = await this.catalog.all();
    const dependants = derivedFrom(board, boards);
    if (dependants.length > 0) return inUse(board, dependants);
    if (boards.has(board) || (await this.isPlayed(board))) return undefined;
    return notFound(`there is no board ${board}`);
  }

  private async isPlayed(board: string): Promise<boolean> {
    return (await this.leaderboards.find(board)) !== undefined;
  }
}

/** Refuses, unless the idempotency key was used before: then the request gets its first answer. */
async function orDeduplicated(
  refusal: Error,
  { idempotencyKey }: Envelope,
  replay: () => Promise<Appended>,
): Promise<Appended> {
  if (idempotencyKey === undefined) throw refusal;
  try {
    return await replay();
  } catch (error) {
    throw error instanceof NotReplayedError ? refusal : error;
  }
}

function chainProblem(
  board: string,
  source: string,
  boards: ReadonlyMap<string, DefinedBoard>,
): Problem | undefined {
  const root = boards.get(source)?.definition.source;
  if (root !== undefined) {
    return new Problem(409, {
      code: 'derived-board',
      detail: `${source} itself counts the scores of ${root}: make ${root} the source`,
    });
  }
  const dependants = derivedFrom(board, boards);
  return dependants.length > 0 ? inUse(board, dependants) : undefined;
}

function derivedFrom(board: string, boards: ReadonlyMap<string, DefinedBoard>): string[] {
  return [...boards].flatMap(([name, { definition }]) => (definition.source === board ? [name] : [])).sort();
}

const inUse = (board: string, dependants: readonly string[]) =>
  new Problem(409, {
    code: 'board-in-use',
    detail: `${dependants.join(', ')} ${dependants.length === 1 ? 'counts' : 'count'} the scores of ${board}: remove or redefine first`,
  });
