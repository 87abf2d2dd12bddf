import { shardOf, type Topology } from '#libs/event-log';
import { DEFAULT_KEEP_PERIODS } from '#libs/events';
import type { LiveState } from '#libs/projections';
import type { RedisClient } from '#libs/redis';
import { parseEntry } from '../ranking/leaderboard.store.js';
import { memberOf, rankScore } from '../ranking/ranks.js';
import { prefixLengthOf } from '../ranking/tie-break.js';
import { isExpired } from './known-board.js';
import { placeText, ShardCalls, type ShardedBoard, type ShardReply } from './shard-calls.js';
import {
  aheadOf,
  aheadOfTies,
  BOTTOM,
  comparePlaces,
  type MergedEntry,
  mergeWindows,
  narrow,
  type Place,
  type ShardEntry,
  type ShardSamples,
  type ShardWindow,
  TOP,
} from './shard-merge.js';

/** What is asked of a board: a part of it, and how much of the board is looked at. Scores are those that it ranks by. */
export interface BoardQuery {
  readonly from:
    | { readonly offset: number }
    | { readonly after: Place }
    | { readonly around: string }
    | { readonly score: number }
    | { readonly players: readonly string[] };
  readonly length: number;
  readonly topPercent: number;
}

/** What all shards say together. */
export interface ShardedAnswer {
  readonly rules: string;
  readonly definition: string;
  /** The newest periods with scores, as many as are kept. */
  readonly periods: readonly string[];
  readonly clock: number;
  readonly total: number;
  /** Whether there are more entries behind these. */
  readonly more: boolean;
  readonly entries: readonly MergedEntry[];
}

type WindowText = [
  ahead: number,
  start: number,
  lead: string,
  better: number,
  members: string[],
  scores: string[],
  runs: (string | null)[],
];
type SamplesText = [from: number, to: number, indices: number[], members: string[], scores: string[]];

/** A place that is read, with so many entries ahead of it and from there on. */
interface View {
  readonly place: Place;
  readonly before: number;
  readonly length: number;
  /** Whether an entry that stands right there is one of those ahead. */
  readonly isBehind?: boolean;
}

/** From one index to another. */
type Range = readonly [from: number, to: number];

/** Entries that are read and not shown, at most, to save looking where a page begins. */
const NEAR = 256;
/** Samples of each shard: the more, the fewer looks. They must be several times as many as there are shards. */
const samplesOf = (shards: number) => Math.max(32, 8 * shards);
/** Runs that are read together with where entries are, and in one call, at most: one can have 17 KiB of attributes. */
const CALL_RUNS = 100;
/** How often an entry can move between two looks at it. */
const ATTEMPTS = 8;

/**
 * Reads boards whose players are spread over several partitions: counts add up, and pages are merged. Of each shard an answer is
 * of one moment, of all together nearly.
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
    // A shard that had fewer periods with scores has kept older ones.
    const isOver = period !== undefined && isExpired(known.definition, periods, period);
    return isOver ? { ...answer, periods, total: 0, more: false, entries: [] } : { ...answer, periods };
  }

  private select(board: ShardedBoard, query: BoardQuery): Promise<ShardedAnswer> {
    const { from, length, topPercent } = query;
    if ('players' in from) return this.lookup(board, from.players);
    if ('around' in from) return this.around(board, from.around, length);
    if ('offset' in from) return this.page(board, query, from.offset);
    if ('score' in from) {
      const place = aheadOfTies(from.score);
      return this.view(board, topPercent, centred(place, length), centredIn(length));
    }
    const view = { place: from.after, before: 0, length, isBehind: true };
    return this.view(board, topPercent, view, ahead => [ahead, ahead + length]);
  }

  /** Reads a view, or a larger one when what is to be shown is not all in it. @param range says what is to be shown */
  private async view(
    board: ShardedBoard,
    topPercent: number,
    view: View,
    range: (ahead: number, shown: number) => Range,
  ): Promise<ShardedAnswer> {
    const { place, before, length, isBehind = false } = view;
    const hasRuns = before + length <= CALL_RUNS;
    const question = ['window', placeText(place), before, length, isBehind, hasRuns] as const;
    const replies = await this.calls.askAll<WindowText>(board, question);
    const said = together(board, replies);
    const windows = replies.map(({ answer }) => toWindow(answer));
    const ahead = aheadOf(windows);
    const shown = Math.ceil((said.total * topPercent) / 100);
    const [from, end] = range(ahead, shown);
    const to = Math.min(end, shown);
    if (from >= to) return { ...said, more: false, entries: [] };
    if (ahead - from > before || to - ahead > length) {
      // Some more, for entries may move meanwhile.
      const larger = {
        ...view,
        before: Math.max(0, 2 * (ahead - from)),
        length: 2 * Math.max(0, to - ahead),
      };
      return this.view(board, topPercent, larger, range);
    }
    const entries = mergeWindows(windows, from, to);
    return { ...said, more: to < shown, entries: hasRuns ? entries : await this.withRuns(board, entries) };
  }

  /** Reads the runs of many entries; who has gone from the board meanwhile is left out. */
  private async withRuns(board: ShardedBoard, entries: readonly MergedEntry[]): Promise<MergedEntry[]> {
    const prefix = prefixLengthOf(board.known.definition.tieBreak);
    const playerOf = ({ member }: MergedEntry) => member.slice(prefix);
    const runs = await this.runsOf(board, entries.map(playerOf));
    return entries.flatMap(entry => {
      const run = runs.get(playerOf(entry));
      return run === undefined ? [] : [{ ...entry, run }];
    });
  }

  /** A page from an index: what is far below is first looked for by samples. */
  private async page(board: ShardedBoard, query: BoardQuery, offset: number): Promise<ShardedAnswer> {
    const { length, topPercent } = query;
    let place = TOP;
    let skipped = offset;
    for (let to = BOTTOM; skipped > NEAR && length > 0; ) {
      const count = samplesOf(this.calls.placesOf(board).length);
      const question = ['samples', placeText(place), placeText(to), count] as const;
      const shards = (await this.calls.askAll<SamplesText>(board, question)).map(({ answer }) =>
        toSamples(answer),
      );
      skipped = offset - shards.reduce((sum, { from }) => sum + from, 0);
      const found = narrow(shards, offset);
      const isSame = (found.from ?? place).member === place.member && (found.to ?? to).member === to.member;
      if (skipped <= NEAR || isSame) break;
      place = found.from ?? place;
      to = found.to ?? to;
    }
    const view = { place, before: 0, length: length === 0 ? 0 : Math.max(0, skipped) + length };
    return this.view(board, topPercent, view, ahead => {
      const from = Math.max(offset, ahead);
      return [from, from + length];
    });
  }

  private async around(board: ShardedBoard, player: string, length: number): Promise<ShardedAnswer> {
    let before: string | undefined;
    for (let attempt = 1; ; attempt++) {
      const [place] = (await this.findPlaces(board, [player])).values();
      const nowhere = { place: TOP, before: 0, length: 0 };
      if (!place) return this.view(board, 100, nowhere, () => [0, 0]);
      const answer = await this.view(board, 100, centred(place, length), (ahead, shown) =>
        ahead < shown ? centredIn(length)(ahead, shown) : [0, 0],
      );
      if (answer.entries.some(({ member }) => member === place.member)) return answer;
      // Banned, or cut off; or moved since.
      if (place.member === before || attempt === ATTEMPTS) return { ...answer, more: false, entries: [] };
      before = place.member;
    }
  }

  private async lookup(board: ShardedBoard, players: readonly string[]): Promise<ShardedAnswer> {
    const found: MergedEntry[] = [];
    let said: Omit<ShardedAnswer, 'more' | 'entries'> | undefined;
    let left: readonly string[] = players;
    let before = new Map<string, ShardEntry>();
    const { ranking, maxEntries } = board.known.definition;
    // Else it does not matter how many of an equal score are ahead.
    const countsTies = ranking === 'ordinal' || maxEntries !== undefined;
    for (let attempt = 1; attempt === 1 || (left.length > 0 && attempt <= ATTEMPTS); attempt++) {
      const places = await this.findPlaces(board, left);
      // Who is where they were and not ranked there is banned. Who has moved is looked for again.
      const moved = [...places].filter(([player, { member }]) => before.get(player)?.member !== member);
      const entries = moved.map(([, place]) => place);
      const question = ['places', entries.map(placeText), countsTies] as const;
      const replies = await this.calls.askAll<number[]>(board, question);
      said = together(board, replies);
      const total = (i: number) => replies.reduce((sum, { answer }) => sum + (answer[i] ?? 0), 0);
      const isThere = entries.map((_, i) => total(3 * i + 2) > 0);
      for (const [i, entry] of entries.entries())
        if (isThere[i]) found.push({ ...entry, better: total(3 * i), index: total(3 * i + 1) });
      before = places;
      left = moved.flatMap(([player], i) => (isThere[i] ? [] : [player]));
    }
    const { total = 0 } = said ?? {};
    const entries = found.filter(({ index }) => index < total).sort(comparePlaces);
    return { ...(said as ShardedAnswer), more: false, entries };
  }

  /** Where the players' runs place them, whether they are ranked or not. */
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

  /** The runs of those who have one, by player. */
  private async runsOf(board: ShardedBoard, players: readonly string[]): Promise<Map<string, string>> {
    const { known } = board;
    const shard = (player: string) =>
      shardOf(this.topology, known.source ?? board.board, player, known.definition.shards);
    const runs = new Map<string, string>();
    const find = async ([keys, names]: readonly [ReturnType<typeof shard>, readonly string[]]) => {
      for (let at = 0; at < names.length; at += CALL_RUNS) {
        const some = names.slice(at, at + CALL_RUNS);
        const { answer } = await this.calls.ask<(string | null)[]>(board, keys, ['runs', some]);
        for (const [i, name] of some.entries()) if (answer[i] != null) runs.set(name, answer[i]);
      }
    };
    await Promise.all([...Map.groupBy(players, shard)].map(find));
    return runs;
  }
}

/** A view with the place in the middle. */
const centred = (place: Place, length: number): View => ({
  place,
  before: Math.floor(length / 2),
  length: Math.ceil(length / 2),
});

/** At the board's ends, there is more on the other side. */
const centredIn =
  (length: number) =>
  (ahead: number, shown: number): Range => {
    const from = Math.max(0, Math.min(ahead - Math.floor(length / 2), shown - length));
    return [from, from + length];
  };

/** What the shards say of the board. */
function together(
  { known }: ShardedBoard,
  replies: readonly ShardReply<unknown>[],
): Omit<ShardedAnswer, 'more' | 'entries'> {
  const [home] = replies as [ShardReply<unknown>];
  const { rules, definition } = home;
  const entries = replies.reduce((sum, { total }) => sum + total, 0);
  return {
    rules,
    definition,
    periods: [...new Set(replies.flatMap(({ periods }) => periods))].sort(),
    clock: Math.max(...replies.map(({ clock }) => clock)),
    total: Math.min(entries, known.definition.maxEntries ?? entries),
  };
}

function toWindow([ahead, start, lead, better, members, scores, runs]: WindowText): ShardWindow {
  return {
    ahead,
    start,
    ...(lead !== '' && { lead: { score: Number(lead), better } }),
    entries: members.map((member, i) => ({ member, score: Number(scores[i]), run: runs[i] ?? '' })),
  };
}

function toSamples([from, to, indices, members, scores]: SamplesText): ShardSamples {
  const samples = members.map((member, i) => ({ member, score: Number(scores[i]), index: indices[i] ?? 0 }));
  return { from, to, samples };
}
