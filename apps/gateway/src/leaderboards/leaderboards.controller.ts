import { Body, Controller, Get, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Actor } from '#libs/events';
import { LeaderboardReader, type RankedEntry } from '#libs/projections';
import { Caller, Public } from '../auth/caller.guard.js';
import { ApiProblems, ApiRead, ApiWrite } from '../http/api-docs.js';
import { IdPipe } from '../http/ids.js';
import { notFound } from '../http/problem.js';
import { bodyPipe, queryPipe } from '../http/validation.js';
import {
  AroundQuery,
  EntriesQuery,
  EntryPage,
  EntryView,
  ScoreApplied,
  SingleEntry,
  SubmitScoreBody,
} from './leaderboards.dto.js';
import { ScoresService } from './scores.service.js';

@ApiTags('leaderboards')
@Controller('v1/leaderboards/:board')
export class LeaderboardsController {
  constructor(
    private readonly leaderboards: LeaderboardReader,
    private readonly scores: ScoresService,
  ) {}

  @Post('scores')
  @ApiOperation({
    summary: 'Submit a score',
    description: "The player's best score counts. The first score makes the board.",
  })
  @ApiWrite()
  @ApiOkResponse({ type: ScoreApplied, description: 'With `Prefer: wait`: the score has taken effect.' })
  submit(
    @Param('board', IdPipe) board: string,
    @Body(bodyPipe) body: SubmitScoreBody,
    @Caller() caller: Actor,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<object> {
    return this.scores.submit(board, body, caller, request, reply);
  }

  @Public()
  @Get('entries')
  @ApiOperation({ summary: 'A page of the board, from the top, an offset or a cursor' })
  @ApiRead()
  @ApiOkResponse({ type: EntryPage })
  async entries(
    @Param('board', IdPipe) board: string,
    @Query(queryPipe) { cursor, limit, offset, period }: EntriesQuery,
  ): Promise<EntryPage> {
    const page =
      cursor === undefined
        ? await this.leaderboards.page(board, offset, limit)
        : await this.leaderboards.pageAfter(board, cursor, limit);
    return { board, period, ...page, entries: page.entries.map(toView) };
  }

  @Public()
  @Get('entries/:player')
  @ApiOperation({ summary: "One player's entry" })
  @ApiRead()
  @ApiProblems(404)
  @ApiOkResponse({ type: SingleEntry })
  async entry(
    @Param('board', IdPipe) board: string,
    @Param('player', IdPipe) player: string,
  ): Promise<SingleEntry> {
    const { total, entries } = await this.leaderboards.around(board, player, 0);
    const [entry] = entries;
    if (!entry) throw notAmongEntries(board, player);
    return { board, period: 'current', ...toView(entry), percentile: percentile(entry.rank, total), total };
  }

  @Public()
  @Get('around/:player')
  @ApiOperation({ summary: "A player's entry with its neighbours; at the ends, more on the other side" })
  @ApiRead()
  @ApiProblems(404)
  @ApiOkResponse({ type: EntryPage })
  async around(
    @Param('board', IdPipe) board: string,
    @Param('player', IdPipe) player: string,
    @Query(queryPipe) { radius }: AroundQuery,
  ): Promise<EntryPage> {
    const { total, entries } = await this.leaderboards.around(board, player, radius);
    if (entries.length === 0) throw notAmongEntries(board, player);
    return { board, period: 'current', total, entries: entries.map(toView) };
  }
}

function toView({ run, ...entry }: RankedEntry): EntryView {
  return { ...entry, achievedAt: new Date(run.ms).toISOString() };
}

/** How many per cent of the entries an entry equals or beats: 100 for the first, above 0 for the last. */
function percentile(rank: number, total: number): number {
  return Math.round((10_000 * (total - rank + 1)) / total) / 100;
}

const notAmongEntries = (board: string, player: string) => notFound(`${player} has no entry on ${board}`);
