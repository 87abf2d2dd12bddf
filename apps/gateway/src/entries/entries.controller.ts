import { Body, Controller, Get, HttpCode, Param, Post, Query, Req } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { LeaderboardReader, type WindowStart } from '#libs/leaderboards';
import { Public } from '../auth/access.guard.js';
import type { CallerRequest } from '../auth/caller.guard.js';
import { ownPlayer } from '../auth/own-player.js';
import { ApiProblems, ApiRead } from '../http/api-docs.js';
import { badValue, notFound } from '../http/problem.js';
import { SingleFlight } from '../http/single-flight.js';
import { IdPipe, PlayerPipe } from '../http/validation/ids.js';
import { bodyPipe, queryPipe } from '../http/validation/validation.js';
import { BULK_THRESHOLD, BulkGate } from '../limits/bulk-gate.js';
import { RateClass } from '../limits/rate-class.js';
import {
  AroundQuery,
  EntriesQuery,
  EntryPage,
  LookupBody,
  LookupView,
  PeriodQuery,
  SingleEntry,
} from './entries.dto.js';
import { EntryViews } from './entry-views.js';
import { ranksInList } from './ranks-in-list.js';

/** What a lookup of the most players costs. */
const MAX_LOOKUP_COST = 10;

/** The entries of a board. */
@ApiTags('leaderboards')
@Public()
@Controller({ path: 'leaderboards/:board', version: '1' })
export class EntriesController {
  private readonly pages = new SingleFlight<EntryPage>();

  constructor(
    private readonly leaderboards: LeaderboardReader,
    private readonly views: EntryViews,
    private readonly gate: BulkGate,
  ) {}

  @Get('entries')
  @ApiOperation({ summary: 'A page of the board, from the top, an offset or a cursor, or around a score' })
  @ApiRead()
  @ApiProblems(404)
  @ApiOkResponse({ type: EntryPage })
  entries(@Param('board', IdPipe) board: string, @Query(queryPipe) query: EntriesQuery): Promise<EntryPage> {
    const read = () => this.page(board, query);
    return this.pages.ask(`${board} ${JSON.stringify(query)}`, () => this.throughGate(query.limit, read));
  }

  @Get('entries/:player')
  @ApiOperation({ summary: "One player's entry" })
  @ApiRead()
  @ApiProblems(404)
  @ApiOkResponse({ type: SingleEntry })
  async entry(
    @Param('board', IdPipe) board: string,
    @Param('player', PlayerPipe) player: string,
    @Query(queryPipe) query: PeriodQuery,
  ): Promise<SingleEntry> {
    const names = this.views.namesOf([{ player }]);
    // When the entry is missing, nobody awaits the names.
    names.catch(() => {});
    const { entries, period, total } = await this.neighbours(board, player, 0, query);
    const found = entries.map(entry => ({ board, period, total, entry }));
    const [standing] = await this.views.standings(found, names);
    return standing as SingleEntry;
  }

  @Get('around/:player')
  @ApiOperation({ summary: "A player's entry with its neighbours; at the ends, more on the other side" })
  @ApiRead()
  @ApiProblems(404)
  @ApiOkResponse({ type: EntryPage })
  async around(
    @Param('board', IdPipe) board: string,
    @Param('player', PlayerPipe) player: string,
    @Query(queryPipe) query: AroundQuery,
  ): Promise<EntryPage> {
    const { radius } = query;
    const read = () => this.neighbours(board, player, radius, query);
    const { next: _, ...window } = await this.throughGate(2 * radius + 1, read);
    return this.views.page(board, window);
  }

  @Post('lookup')
  @RateClass(
    request => (playersIn(request) > BULK_THRESHOLD ? 'bulk' : 'read'),
    request => Math.min(Math.ceil(playersIn(request) / BULK_THRESHOLD), MAX_LOOKUP_COST),
  )
  @HttpCode(200)
  @ApiOperation({ summary: 'The entries of some players, such as friends or a guild, in rank order' })
  @ApiProblems(400, 401, 403, 404, 413, 415, 503)
  @ApiOkResponse({ type: LookupView })
  async lookup(
    @Param('board', IdPipe) board: string,
    @Body(bodyPipe) { players }: LookupBody,
    @Query(queryPipe) query: PeriodQuery,
    @Req() request: CallerRequest,
  ): Promise<LookupView> {
    const me = players.includes('me') ? ownPlayer(request) : '';
    const named = players.map(player => (player === 'me' ? me : player));
    const { definition, period, total, entries } = await this.throughGate(named.length, () =>
      this.leaderboards.lookup(board, [...new Set(named)], query.period),
    );
    const ranks = ranksInList(entries, definition?.ranking);
    const views = await this.views.of(entries);
    const listed = views.map(({ rank, ...view }, i) => ({ rank, rankInList: ranks[i] ?? 0, ...view }));
    return { board, period, total, entries: listed };
  }

  /** Large reads go through the gate. */
  private throughGate<T>(count: number, read: () => Promise<T>): Promise<T> {
    return count > BULK_THRESHOLD ? this.gate.run(read) : read();
  }

  private async page(board: string, query: EntriesQuery): Promise<EntryPage> {
    const { limit, period, topPercent } = query;
    const window = await this.leaderboards.read(board, {
      from: startOf(query),
      length: limit,
      ...(period !== undefined && { period }),
      ...(topPercent !== undefined && { topPercent }),
    });
    return this.views.page(board, window);
  }

  /** @throws Problem 404 when the player has no entry */
  private async neighbours(board: string, player: string, radius: number, { period }: PeriodQuery) {
    const window = await this.leaderboards.read(board, {
      from: { around: player },
      length: 2 * radius + 1,
      ...(period !== undefined && { period }),
    });
    if (window.entries.length === 0) throw notFound(`${player} has no entry on ${board}`);
    return window;
  }
}

/** How many players a lookup names; 1 for a body that is not valid. */
function playersIn({ body }: Pick<FastifyRequest, 'body'>): number {
  const players = (body as { players?: unknown } | null | undefined)?.players;
  return Array.isArray(players) ? players.length : 1;
}

/** @throws Problem 400 when the query names two places to start at */
function startOf({ aroundScore, cursor, offset, topPercent }: EntriesQuery): WindowStart {
  if (aroundScore === undefined) return cursor === undefined ? { offset: offset ?? 0 } : { after: cursor };
  const other = Object.entries({ cursor, offset, topPercent }).find(([, value]) => value !== undefined);
  if (other) {
    const [name, value] = other;
    const rule = `${name} and aroundScore (${aroundScore}) say different places: send one of them`;
    throw badValue(name, rule, value);
  }
  return { score: aroundScore };
}
