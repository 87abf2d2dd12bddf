import { LRUCache } from 'lru-cache';
import { type PartitionKeys, shardsOf, type Topology } from '#libs/event-log';
import type { LiveState } from '#libs/projections';
import { BatchLoader, type RedisClient } from '#libs/redis';
import { areComparable } from '../definitions/rules.js';
import { parseBoard } from '../definitions/rules-fields.js';
import { BoardChangedError, BoardMovedError, ShardsDisagreeError } from '../errors.js';
import { ranksKey, runsKey } from '../keys.js';
import { script } from '../lua.js';
import { prefixLengthOf } from '../ranking/tie-break.js';
import type { CachedBoard } from './known-board.js';
import type { Place } from './shard-merge.js';

/** A board in one of its periods, with its cached definition. */
export interface ShardedBoard {
  readonly board: string;
  readonly known: CachedBoard;
  readonly period: string | undefined;
}

/** A question to a shard. `read-shard.lua` describes the answers. */
export type Question =
  | readonly ['window', place: PlaceText, before: number, length: number, isBehind: boolean, hasRuns: boolean]
  | readonly ['places', readonly PlaceText[], countsTies: boolean]
  | readonly ['runs', readonly string[]]
  | readonly ['samples', from: PlaceText, to: PlaceText, count: number];

type PlaceText = readonly [score: string, member: string];

/** A shard's answer, with its rules of the board. */
export interface ShardReply<Answer> {
  readonly rules: string;
  readonly definition: string;
  readonly periods: readonly string[];
  readonly clock: number;
  readonly total: number;
  readonly answer: Answer;
}

interface ShardRequest extends ShardedBoard {
  readonly keys: PartitionKeys;
  /** The event that defined the board, according to the shard. */
  readonly definedBy: string;
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

const MAX_CACHED_SHARDS = 10_000;
/** Each attempt fails only if the shard's definition has changed since the one before. */
const MAX_ATTEMPTS = 5;
/** Limits of one call: a longer one would block Redis for too long. The weight is about one per entry read. */
const MAX_CALL_QUESTIONS = 32;
const MAX_CALL_WEIGHT = 1_000;
/** The weight of counting the entries ahead of a place: by score only, or also among equal scores. */
const PLACE_WEIGHT = 2;
const TIE_WEIGHT = 10;

/** Sends questions to the shards of boards, and batches them. */
export class ShardCalls {
  /** For each shard, the event that defined the board there, if it is not the one in the home partition. */
  private readonly known = new LRUCache<string, string>({ max: MAX_CACHED_SHARDS });
  private readonly batched: BatchLoader<ShardRequest, ShardReply<unknown>>;

  constructor(
    redis: RedisClient,
    private readonly live: LiveState,
    private readonly topology: Topology,
  ) {
    this.batched = new BatchLoader(redis, asked => this.run(asked), {
      items: MAX_CALL_QUESTIONS,
      weigh: ({ question }) => weightOf(question),
      weight: MAX_CALL_WEIGHT,
    });
  }

  partitionsOf({ board, known }: ShardedBoard): PartitionKeys[] {
    return shardsOf(this.topology, known.source ?? board, known.definition.shards);
  }

  /**
   * @throws BoardMovedError, BoardChangedError if the home partition has another definition than the cached one
   * @throws ShardsDisagreeError if another shard has a definition that ranks differently
   */
  askAll<Answer>(board: ShardedBoard, question: Question): Promise<ShardReply<Answer>[]> {
    return Promise.all(this.partitionsOf(board).map(keys => this.ask<Answer>(board, keys, question)));
  }

  /** @throws as `askAll` */
  async ask<Answer>(
    board: ShardedBoard,
    keys: PartitionKeys,
    question: Question,
  ): Promise<ShardReply<Answer>> {
    const { known, period } = board;
    const isHome = this.topology.of('scores', known.source ?? board.board) === keys;
    const cacheKey = `${keys.stream} ${known.definedBy} ${board.board}`;
    for (let attempt = 1; ; attempt++) {
      const definedBy = this.known.get(cacheKey) ?? known.definedBy;
      const batchKey = `${board.board}/${period} ${definedBy} ${known.source} ${keys.stream}`;
      try {
        const reply = await this.batched.load({ ...board, keys, definedBy, question }, keys.stream, batchKey);
        return reply as ShardReply<Answer>;
      } catch (error) {
        if (isHome || !(error instanceof BoardChangedError || error instanceof BoardMovedError)) throw error;
        const rules = error instanceof BoardChangedError ? error.rules : '';
        const { state, definition } = parseBoard(rules);
        if (
          rules === '' ||
          state !== 'here' ||
          !areComparable(definition, known.definition) ||
          attempt === MAX_ATTEMPTS
        )
          throw new ShardsDisagreeError(board.board);
        this.known.set(cacheKey, rules.split(' ', 1)[0] ?? '');
      }
    }
  }

  /** @param asked questions to one shard, about one board in one period, with the same cached definition */
  private async run(asked: readonly ShardRequest[]): Promise<ShardReply<unknown>[]> {
    const [{ board, known, period, keys, definedBy }] = asked as readonly [ShardRequest];
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
      [board, known.source ?? '-', definedBy, prefix, questions],
    );
    const open = periods === '' ? [] : periods.split(' ');
    return answers.map(answer => ({ rules, definition, periods: open, clock, total, answer }));
  }
}

/** How much work a question is for Redis. */
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

/** A place in the format of `read-shard.lua`. */
export function placeText({ score, member }: Place): PlaceText {
  return [Number.isFinite(score) ? String(score) : score > 0 ? '+inf' : '-inf', member];
}
