import { PartitionKeys, Topology } from '#libs/event-log';
import { LiveState, readFields, StateKeys } from '#libs/projections';
import { BatchLoader, type RedisClient } from '#libs/redis';
import { levelsKey, ranksKey, runsKey } from '../keys.js';
import { script } from '../lua.js';
import type { BoardQuery } from './board-query.js';
import type { BoardReply, Reply, WindowReply } from './board-reply.js';
import type { CachedBoard } from './known-board.js';

const readBoard = script<BoardReply<readonly string[]>>('read-board');

/** Limits of one call: a longer one would block Redis for too long. The weight is about one per entry read. */
const MAX_CALL_WINDOWS = 32;
const MAX_CALL_WEIGHT = 1_000;
/** The weight of finding one player's entry and its rank. */
const PLAYER_WEIGHT = 8;
/** Limit for looking up players and for reading runs. A run can have 17 KiB of attributes. */
export const MAX_CALL_PLAYERS = 100;
/** A request for a window, with the cached definition of the board. */
export interface WindowRequest {
  readonly board: string;
  readonly known: CachedBoard;
  readonly period: string | undefined;
  readonly query: BoardQuery;
}

/** Reads boards without shards. Requests of the same moment for one board are sent as one call. */
export class UnshardedReader {
  private readonly batched: BatchLoader<WindowRequest, Reply>;

  constructor(
    redis: RedisClient,
    private readonly live: LiveState,
    private readonly topology: Topology,
  ) {
    this.batched = new BatchLoader(redis, asked => this.run(asked), {
      items: MAX_CALL_WINDOWS,
      weigh: ({ query }) => weightOf(query),
      weight: MAX_CALL_WEIGHT,
    });
  }

  /** @throws BoardMovedError, BoardChangedError if the partition has another definition than the cached one */
  read(asked: WindowRequest): Promise<Reply> {
    const { board, known, period } = asked;
    const batchKey = `${board}/${period} ${known.definedBy} ${known.source}`;
    return this.batched.load(asked, this.topology.of('scores', known.source ?? board).stream, batchKey);
  }

  /** @param asked requests for one period of one board, with the same cached definition */
  private async run(asked: readonly WindowRequest[]): Promise<Reply[]> {
    const [{ board, known, period }] = asked as [WindowRequest];
    const { source, definedBy, definition } = known;
    const { tieBreak, ranking, maxEntries = 0 } = definition;
    const keys = this.topology.of('scores', source ?? board);
    // Equal requests are read once.
    const indices = new Map<string, number>();
    const selections: Selection[] = [];
    const indexOf = ({ query }: WindowRequest) => {
      const selection = toSelection(query);
      const text = selection.join('/');
      const index = indices.get(text) ?? selections.push(selection) - 1;
      indices.set(text, index);
      return index;
    };
    const windowIndices = asked.map(indexOf);
    const [rules, defined, periods, clock, total, windows] = await this.live.read(
      readBoard,
      keys,
      state => [
        ranksKey(state, board, period),
        runsKey(state, board, period),
        levelsKey(state, board, period),
        state.rules(),
        keys.definitions(),
        keys.stream,
      ],
      [board, source ?? '-', definedBy, tieBreak, ranking, maxEntries, ...selections.flat()],
    );
    const read: WindowReply[] = [];
    for (const window of windows)
      read.push(await this.withAllRuns(JSON.parse(window), keys, state => runsKey(state, board, period)));
    return windowIndices.map(index => [rules, defined, periods, clock, total, read[index] as WindowReply]);
  }

  /** Reads the runs that the script left out because they were too large for one call. */
  private async withAllRuns(
    window: WindowReply,
    keys: PartitionKeys,
    runsKey: (state: StateKeys) => string,
  ): Promise<WindowReply> {
    const [more, players, ranks, better, runs] = window;
    const first = runs.indexOf(null);
    if (first < 0) return window;
    const all = runs.slice(0, first);
    for (let at = first; at < players.length; at += MAX_CALL_PLAYERS) {
      const some = players.slice(at, at + MAX_CALL_PLAYERS);
      all.push(...(await this.live.read(readFields, keys, state => [runsKey(state)], some)));
    }
    // Leave out players who are no longer on the board.
    const here = <T>(list: readonly T[]) => list.filter((_, i) => all[i] != null);
    return [more, here(players), here(ranks), here(better), here(all)];
  }
}

type Selection = readonly [from: string, where: string | number, member: string, length: number, top: number];

/** How much work a query is for Redis, on a board without shards. */
function weightOf({ from, length }: BoardQuery): number {
  return 'players' in from ? PLAYER_WEIGHT * from.players.length : length;
}

/** A query in the format of `read-board.lua`. */
function toSelection({ from, length, topPercent }: BoardQuery): Selection {
  if ('offset' in from) return ['offset', from.offset, '', length, topPercent];
  if ('after' in from) return ['after', from.after.score, from.after.member, length, topPercent];
  if ('around' in from) return ['around', from.around, '', length, topPercent];
  if ('score' in from) return ['score', from.score, '', length, topPercent];
  return ['players', JSON.stringify(from.players), '', length, topPercent];
}
