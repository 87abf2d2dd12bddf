import { Injectable } from '@nestjs/common';
import { timeOf } from '#libs/events';
import type { BoardWindow, RankedEntry } from '#libs/leaderboards';
import { ProfileReader } from '#libs/players';
import type { EntryPage, EntryView, SingleEntry } from './entries.dto.js';

/** An entry and the board that it is on. */
export interface Standing {
  readonly board: string;
  readonly period: string;
  readonly total: number;
  readonly entry: RankedEntry;
}

/** Adds the players' names to entries. */
@Injectable()
export class EntryViews {
  constructor(private readonly profiles: ProfileReader) {}

  /** @param asked the names, if they were requested already */
  async of(
    entries: readonly RankedEntry[],
    asked: Promise<ReadonlyMap<string, string>> = this.namesOf(entries),
  ): Promise<EntryView[]> {
    const names = await asked;
    return entries.map(({ rank, player, score, attributes, run, at }) => {
      const name = names.get(player);
      return {
        rank,
        player,
        ...(name !== undefined && { name }),
        score,
        ...(attributes && { attributes }),
        achievedAt: isoTime(timeOf({ id: run, at })),
      };
    });
  }

  /** Names by player. Players without a name are missing. */
  namesOf(players: readonly Pick<RankedEntry, 'player'>[]): Promise<ReadonlyMap<string, string>> {
    return this.profiles.names([...new Set(players.map(({ player }) => player))]);
  }

  async page(board: string, window: BoardWindow): Promise<EntryPage> {
    const { period, span, previous, total, entries, next } = window;
    return {
      board,
      period,
      ...(span && { startsAt: isoTime(span.startsAt), endsAt: isoTime(span.endsAt) }),
      ...(previous !== undefined && { previous }),
      total,
      entries: await this.of(entries),
      ...(next !== undefined && { next }),
    };
  }

  async standings(
    found: readonly Standing[],
    names?: Promise<ReadonlyMap<string, string>>,
  ): Promise<SingleEntry[]> {
    const entries = found.map(({ entry }) => entry);
    const views = await this.of(entries, names);
    return views.map((view, i) => {
      const { board, period, total, entry } = found[i] as Standing;
      return { board, period, ...view, percentile: percentile(entry.better, total), total };
    });
  }
}

const isoTime = (ms: number) => new Date(ms).toISOString();

/** The percentage of entries that an entry equals or beats: 100 for the first. */
function percentile(better: number, total: number): number {
  return Math.round((10_000 * (total - better)) / total) / 100;
}
