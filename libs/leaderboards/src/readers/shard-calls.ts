import { type PartitionKeys, shardsOf, type Topology } from '#libs/event-log';
import type { LiveState } from '#libs/projections';
import { Batched, RecentlyUsed, type RedisClient } from '#libs/redis';
import { parseBoard, ranksAlike } from '../definitions/rules.js';
import { BoardChangedError, BoardMovedError, ShardsDisagreeError } from '../errors.js';
import { ranksKey, runsKey } from '../keys.js';
import { script } from '../lua.js';
import { prefixLengthOf } from '../ranking/tie-break.js';
import type { KnownBoard } from './known-board.js';
import type { Place } from './shard-merge.js';

/** A board in one of its periods, as it is thought to be. */
export interface ShardedBoard {
  readonly board: string;
  readonly known: KnownBoard;
  readonly period: string | undefined;
}

/** What a shard can be asked: `read-shard.lua` says what it answers. */
export type Question =
  | readonly ['window', place: PlaceText, before: number, length: number, isBehind: boolean, hasRuns: boolean]
  | readonly ['places', readonly PlaceText[], countsTies: boolean]
  | readonly ['runs', readonly string[]]
  | readonly ['samples', from: PlaceText, to: PlaceText, count: number];

type PlaceText = readonly [score: string, member: string];

/** What a shard says of the board, and its answer. */
export interface ShardReply<Answer> {
  readonly rules: string;
  readonly definition: string;
  readonly periods: readonly string[];
  readonly clock: number;
  readonly total: number;
  readonly answer: Answer;
}

interface Asked extends ShardedBoard {
  readonly keys: PartitionKeys;
  /** The event that defined the board, as the shard has it. */
  readonly by: string;
  readonly question: Question;
}

type Reply = readonly [
  rules: string,
  definition: string,
  periods: string,
  clock: number,
  total: number,
  answers: readonly unknown[],
];

const readShard = script<Reply>('read-shard');

/** Shards whose definitions are remembered, at most. */
const MAX_KNOWN = 10_000;
/** How often a shard can have another definition than it just said. */
const ATTEMPTS = 5;
/** Questions in one call, at most, and what they weigh: Redis does nothing else meanwhile. */
const CALL_QUESTIONS = 32;
const CALL_WEIGHT = 1_000;
/** What it weighs to count those ahead of a place: by their score only, or among equal scores, too. */
const PLACE_WEIGHT = 2;
const TIE_WEIGHT = 10;

/** Asks the shards of boards. */
export class ShardCalls {
  /** By which event each shard has the board defined, where that is another than in the board's own partition. */
  private readonly known = new RecentlyUsed<string>(MAX_KNOWN);
  private readonly batched: Batched<Asked, ShardReply<unknown>>;

  constructor(
    redis: RedisClient,
    private readonly live: LiveState,
    private readonly topology: Topology,
  ) {
    this.batched = new Batched(redis, asked => this.run(asked), {
      items: CALL_QUESTIONS,
      weigh: ({ question }) => weightOf(question),
      weight: CALL_WEIGHT,
    });
  }

  placesOf({ board, known }: ShardedBoard): PartitionKeys[] {
    return shardsOf(this.topology, known.source ?? board, known.definition.shards);
  }

  /**
   * @throws BoardMovedError, BoardChangedError when the board's own partition knows better
   * @throws ShardsDisagreeError when another shard goes by a definition that ranks otherwise
   */
  askAll<Answer>(board: ShardedBoard, question: Question): Promise<ShardReply<Answer>[]> {
    return Promise.all(this.placesOf(board).map(keys => this.ask<Answer>(board, keys, question)));
  }

  /** @throws as `askAll` */
  async ask<Answer>(
    board: ShardedBoard,
    keys: PartitionKeys,
    question: Question,
  ): Promise<ShardReply<Answer>> {
    const { known, period } = board;
    const isFirst = this.topology.of('scores', known.source ?? board.board) === keys;
    const place = `${keys.stream} ${known.by} ${board.board}`;
    for (let attempt = 1; ; attempt++) {
      const by = this.known.get(place) ?? known.by;
      const together = `${board.board}/${period} ${by} ${known.source} ${keys.stream}`;
      try {
        const reply = await this.batched.ask({ ...board, keys, by, question }, keys.stream, together);
        return reply as ShardReply<Answer>;
      } catch (error) {
        if (isFirst || !(error instanceof BoardChangedError || error instanceof BoardMovedError)) throw error;
        const rules = error instanceof BoardChangedError ? error.rules : '';
        const { state, definition } = parseBoard(rules);
        if (
          rules === '' ||
          state !== 'here' ||
          !ranksAlike(definition, known.definition) ||
          attempt === ATTEMPTS
        )
          throw new ShardsDisagreeError(board.board);
        this.known.set(place, rules.split(' ', 1)[0] ?? '');
      }
    }
  }

  /** @param asked of one shard of one board in one period, by the same knowledge of it */
  private async run(asked: readonly Asked[]): Promise<ShardReply<unknown>[]> {
    const [{ board, known, period, keys, by }] = asked as readonly [Asked];
    const prefix = prefixLengthOf(known.definition.tieBreak);
    const questions = JSON.stringify(asked.map(({ question }) => question));
    const [rules, definition, periods, clock, total, answers] = await this.live.read(
      readShard,
      keys,
      state => [
        ranksKey(state, board, period),
        runsKey(state, board, period),
        state.rules(),
        keys.definitions(),
        keys.stream,
      ],
      [board, known.source ?? '-', by, prefix, questions],
    );
    const open = periods === '' ? [] : periods.split(' ');
    return answers.map(answer => ({ rules, definition, periods: open, clock, total, answer }));
  }
}

/** What a question costs Redis. */
function weightOf(question: Question): number {
  switch (question[0]) {
    case 'window':
      return question[2] + question[3];
    case 'places':
      return question[1].length * (question[2] ? TIE_WEIGHT : PLACE_WEIGHT);
    case 'runs':
      return question[1].length;
    case 'samples':
      return question[3];
  }
}

/** As Redis reads it. */
export function placeText({ score, member }: Place): PlaceText {
  return [Number.isFinite(score) ? String(score) : score > 0 ? '+inf' : '-inf', member];
}
