import { shardOf, type Topology } from '#libs/event-log';
import { DEFAULT_KEEP_PERIODS } from '#libs/events';
import type { LiveState } from '#libs/projections';
import type { RedisClient } from '#libs/redis';
import { parseEntry } from '../ranking/leaderboard.store.js';
import { memberOf, rankScore } from '../ranking/ranks.js';
import { prefixLengthOf } from '../ranking/tie-break.js';
import type { BoardQuery } from './board-query.js';
import { currentPeriod, isExpired } from './known-board.js';
import { placeText, ShardCalls, type ShardedBoard } from './shard-calls.js';
import {
  aheadOf,
  aheadOfTies,
  BOTTOM,
  comparePlaces,
  type MergedEntry,
  mergeWindows,
  narrowRange,
  type Place,
  type ShardEntry,
  TOP,
} from './shard-merge.js';
import {
  combineReplies,
  type ShardedAnswer,
  type ShardSamplesText,
  type ShardWindowText,
  toShardSamples,
  toShardWindow,
} from './shard-replies.js';

/** A place, and how many entries of each shard to read before it and from it on. */
interface PlaceWindow {
  readonly place: Place;
  readonly before: number;
  readonly length: number;
  /** Whether an entry exactly at the place counts as before it. */
  readonly isBehind?: boolean;
}

/** Indices of the whole board; `to` is exclusive. */
type Range = readonly [from: number, to: number];

/** A page that begins so many entries after a known place is read from that place, without further sampling. */
const MAX_SKIPPED_ENTRIES = 256;
/** More samples mean fewer rounds. There must be several times as many samples as shards. */
const samplesPerShard = (shards: number) => Math.max(32, 8 * shards);
/** A run can have 17 KiB of attributes. */
const MAX_CALL_RUNS = 100;
/** Each attempt fails only if the entry has moved since the one before. */
const MAX_ATTEMPTS = 8;

/**
 * Reads boards whose players are spread over several partitions: it adds the shards' counts and merges their entries.
 * Each shard answers for one moment, and all shards for nearly the same moment.
 */
export class ShardedReader {
  private readonly calls: ShardCalls;

  constructor(
    redis: RedisClient,
    live: LiveState,
    private readonly topology: Topology,
  ) {
    this.calls = new ShardCalls(redis, live, topology);
  }

  /** @throws as `ShardCalls.askAll` */
  async read(board: ShardedBoard, query: BoardQuery): Promise<ShardedAnswer> {
    const answer = await this.select(board, query);
    const { period, known } = board;
    const { keepPeriods = DEFAULT_KEEP_PERIODS } = known.definition;
    const periods = answer.periods.slice(-1 - keepPeriods);
    // A shard with scores in fewer periods keeps older periods than the whole board does.
    const current = currentPeriod(known.definition, answer.clock) ?? '';
    const isOver = period !== undefined && isExpired(known.definition, periods, current, period);
    return isOver ? { ...answer, periods, total: 0, more: false, entries: [] } : { ...answer, periods };
  }

  private select(board: ShardedBoard, query: BoardQuery): Promise<ShardedAnswer> {
    const { from, length, topPercent } = query;
    if ('players' in from) return this.lookup(board, from.players);
    if ('around' in from) return this.readAround(board, from.around, length);
    if ('offset' in from) return this.readPage(board, query, from.offset);
    if ('score' in from) {
      const place = aheadOfTies(from.score);
      return this.readWindow(board, topPercent, centred(place, length), centredIn(length));
    }
    const view = { place: from.after, before: 0, length, isBehind: true };
    return this.readWindow(board, topPercent, view, ahead => [ahead, ahead + length]);
  }

  /** Reads a window, and a larger one if it does not contain the whole range. @param range the indices to return */
  private async readWindow(
    board: ShardedBoard,
    topPercent: number,
    view: PlaceWindow,
    range: (ahead: number, shown: number) => Range,
  ): Promise<ShardedAnswer> {
    const { place, before, length, isBehind = false } = view;
    const hasRuns = before + length <= MAX_CALL_RUNS;
    const question = ['window', placeText(place), before, length, isBehind, hasRuns] as const;
    const replies = await this.calls.askAll<ShardWindowText>(board, question);
    const combined = combineReplies(board, replies);
    const windows = replies.map(({ answer }) => toShardWindow(answer));
    const ahead = aheadOf(windows);
    const shown = Math.ceil((combined.total * topPercent) / 100);
    const [from, end] = range(ahead, shown);
    const to = Math.min(end, shown);
    if (from >= to) return { ...combined, more: false, entries: [] };
    if (ahead - from > before || to - ahead > length) {
      // Twice as many as missing, since entries can move in between.
      const larger = {
        ...view,
        before: Math.max(0, 2 * (ahead - from)),
        length: 2 * Math.max(0, to - ahead),
      };
      return this.readWindow(board, topPercent, larger, range);
    }
    const entries = mergeWindows(windows, from, to);
    return {
      ...combined,
      more: to < shown,
      entries: hasRuns ? entries : await this.withRuns(board, entries),
    };
  }

  /** Reads the runs of many entries. Leaves out players who are no longer on the board. */
  private async withRuns(board: ShardedBoard, entries: readonly MergedEntry[]): Promise<MergedEntry[]> {
    const prefix = prefixLengthOf(board.known.definition.tieBreak);
    const playerOf = ({ member }: MergedEntry) => member.slice(prefix);
    const runs = await this.runsOf(board, entries.map(playerOf));
    return entries.flatMap(entry => {
      const run = runs.get(playerOf(entry));
      return run === undefined ? [] : [{ ...entry, run }];
    });
  }

  /** Reads a page from an index on. If it is far from the top, samples locate its beginning first. */
  private async readPage(board: ShardedBoard, query: BoardQuery, offset: number): Promise<ShardedAnswer> {
    const { length, topPercent } = query;
    let place = TOP;
    let skipped = offset;
    for (let to = BOTTOM; skipped > MAX_SKIPPED_ENTRIES && length > 0; ) {
      const count = samplesPerShard(this.calls.partitionsOf(board).length);
      const question = ['samples', placeText(place), placeText(to), count] as const;
      const shards = (await this.calls.askAll<ShardSamplesText>(board, question)).map(({ answer }) =>
        toShardSamples(answer),
      );
      skipped = offset - shards.reduce((sum, { from }) => sum + from, 0);
      const found = narrowRange(shards, offset);
      const isSame = (found.from ?? place).member === place.member && (found.to ?? to).member === to.member;
      if (skipped <= MAX_SKIPPED_ENTRIES || isSame) break;
      place = found.from ?? place;
      to = found.to ?? to;
    }
    const view = { place, before: 0, length: length === 0 ? 0 : Math.max(0, skipped) + length };
    return this.readWindow(board, topPercent, view, ahead => {
      const from = Math.max(offset, ahead);
      return [from, from + length];
    });
  }

  private async readAround(board: ShardedBoard, player: string, length: number): Promise<ShardedAnswer> {
    let before: string | undefined;
    for (let attempt = 1; ; attempt++) {
      const [place] = (await this.findPlaces(board, [player])).values();
      const nowhere = { place: TOP, before: 0, length: 0 };
      if (!place) return this.readWindow(board, 100, nowhere, () => [0, 0]);
      const answer = await this.readWindow(board, 100, centred(place, length), (ahead, shown) =>
        ahead < shown ? centredIn(length)(ahead, shown) : [0, 0],
      );
      if (answer.entries.some(({ member }) => member === place.member)) return answer;
      // Not found at the same place twice: the player is banned or below maxEntries. Otherwise the entry has moved.
      if (place.member === before || attempt === MAX_ATTEMPTS) return { ...answer, more: false, entries: [] };
      before = place.member;
    }
  }

  private async lookup(board: ShardedBoard, players: readonly string[]): Promise<ShardedAnswer> {
    const found: MergedEntry[] = [];
    let combined: Omit<ShardedAnswer, 'more' | 'entries'> | undefined;
    let left: readonly string[] = players;
    let before = new Map<string, ShardEntry>();
    const { ranking, maxEntries } = board.known.definition;
    // Otherwise ranks do not depend on the order among equal scores.
    const countsTies = ranking === 'ordinal' || maxEntries !== undefined;
    for (let attempt = 1; attempt === 1 || (left.length > 0 && attempt <= MAX_ATTEMPTS); attempt++) {
      const places = await this.findPlaces(board, left);
      // A player at the same place as before, who is not ranked there, is banned. Players who have moved are looked up again.
      const moved = [...places].filter(([player, { member }]) => before.get(player)?.member !== member);
      const entries = moved.map(([, place]) => place);
      const question = ['places', entries.map(placeText), countsTies] as const;
      const replies = await this.calls.askAll<number[]>(board, question);
      combined = combineReplies(board, replies);
      const total = (i: number) => replies.reduce((sum, { answer }) => sum + (answer[i] ?? 0), 0);
      const isThere = entries.map((_, i) => total(3 * i + 2) > 0);
      for (const [i, entry] of entries.entries())
        if (isThere[i]) found.push({ ...entry, better: total(3 * i), index: total(3 * i + 1) });
      before = places;
      left = moved.flatMap(([player], i) => (isThere[i] ? [] : [player]));
    }
    const { total = 0 } = combined ?? {};
    const entries = found.filter(({ index }) => index < total).sort(comparePlaces);
    return { ...(combined as ShardedAnswer), more: false, entries };
  }

  /** The places of the players according to their runs, whether they are ranked or not. */
  private async findPlaces(
    board: ShardedBoard,
    players: readonly string[],
  ): Promise<Map<string, ShardEntry>> {
    const { definition } = board.known;
    const places = new Map<string, ShardEntry>();
    for (const [name, run] of await this.runsOf(board, players)) {
      const entry = parseEntry(run);
      const score = rankScore(entry.score, definition);
      places.set(name, { score, member: memberOf(name, entry, definition), run });
    }
    return places;
  }

  /** The runs by player, without players who have none. */
  private async runsOf(board: ShardedBoard, players: readonly string[]): Promise<Map<string, string>> {
    const { known } = board;
    const shard = (player: string) =>
      shardOf(this.topology, known.source ?? board.board, player, known.definition.shards);
    const runs = new Map<string, string>();
    const find = async ([keys, names]: readonly [ReturnType<typeof shard>, readonly string[]]) => {
      for (let at = 0; at < names.length; at += MAX_CALL_RUNS) {
        const some = names.slice(at, at + MAX_CALL_RUNS);
        const { answer } = await this.calls.ask<(string | null)[]>(board, keys, ['runs', some]);
        for (const [i, name] of some.entries()) if (answer[i] != null) runs.set(name, answer[i]);
      }
    };
    await Promise.all([...Map.groupBy(players, shard)].map(find));
    return runs;
  }
}

/** A window with the place in the middle. */
const centred = (place: Place, length: number): PlaceWindow => ({
  place,
  before: Math.floor(length / 2),
  length: Math.ceil(length / 2),
});

/** The range with a place in the middle, moved to stay within the board. */
const centredIn =
  (length: number) =>
  (ahead: number, shown: number): Range => {
    const from = Math.max(0, Math.min(ahead - Math.floor(length / 2), shown - length));
    return [from, from + length];
  };
