import { Body, Controller, Delete, Get, Param, Post, Put, Query, Req, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Actor } from '#libs/events';
import { LeaderboardReader, type RankedEntry } from '#libs/projections';
import { AdminOnly, Caller, Public } from '../auth/caller.guard.js';
import { ApiProblems, ApiRead, ApiWrite } from '../http/api-docs.js';
import { IdPipe } from '../http/ids.js';
import { notFound } from '../http/problem.js';
import { bodyPipe, queryPipe } from '../http/validation.js';
import { WriteService } from '../http/write.service.js';
import {
  AroundQuery,
  BoardApplied,
  BoardView,
  DefineBoardBody,
  EntriesQuery,
  EntryPage,
  EntryRevokedView,
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
    private readonly writes: WriteService,
  ) {}

  @Put()
  @AdminOnly()
  @ApiOperation({
    summary: 'Define a board, or define it anew',
    description:
      'A board that has scores is rebuilt from the log under its new definition; until that is done it ranks by the old one.',
  })
  @ApiWrite()
  @ApiProblems(403)
  @ApiOkResponse({ type: BoardApplied, description: 'With `Prefer: wait`: the board ranks so.' })
  define(
    @Param('board', IdPipe) board: string,
    @Body(bodyPipe) { order, operator }: DefineBoardBody,
    @Caller() caller: Actor,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<object> {
    const rules = { order, operator };
    const result = async () => ({ board, ...rules });
    return this.writes.write(
      { type: 'BoardDefined', data: { board, rules }, caller, result },
      request,
      reply,
    );
  }

  @Public()
  @Get()
  @ApiOperation({ summary: 'How a board ranks, and how many entries it has' })
  @ApiRead()
  @ApiProblems(404)
  @ApiOkResponse({ type: BoardView })
  async read(@Param('board', IdPipe) board: string): Promise<BoardView> {
    const { rules, total } = await this.leaderboards.page(board, 0, 1);
    if (!rules) throw notFound(`there is no board ${board}: the first score or a definition makes it`);
    return { board, period: 'current', ...rules, total };
  }

  @Delete('entries/:player')
  @AdminOnly()
  @ApiOperation({
    summary: "Revoke a player's scores on the board",
    description:
      'What was scored until now counts no longer; a later score starts afresh. The events remain.',
  })
  @ApiWrite()
  @ApiProblems(403)
  @ApiOkResponse({ type: EntryRevokedView, description: 'With `Prefer: wait`: the entry is gone.' })
  revoke(
    @Param('board', IdPipe) board: string,
    @Param('player', IdPipe) player: string,
    @Caller() caller: Actor,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<object> {
    const result = async () => ({ board, player });
    return this.writes.write(
      { type: 'EntryRevoked', data: { board, player }, caller, result },
      request,
      reply,
    );
  }

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
    const { total, entries, next } =
      cursor === undefined
        ? await this.leaderboards.page(board, offset, limit)
        : await this.leaderboards.pageAfter(board, cursor, limit);
    return { board, period, total, entries: entries.map(toView), ...(next && { next }) };
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
