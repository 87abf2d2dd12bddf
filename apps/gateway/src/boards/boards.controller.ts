import { Body, Controller, Delete, Get, Param, Put, Query, Req } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { LeaderboardReader, type ListedBoard } from '#libs/leaderboards';
import { AdminOnly, Public } from '../auth/access.guard.js';
import { ApiProblems, ApiRead, ApiWrite } from '../http/api-docs.js';
import { badRequest, notFound } from '../http/problem.js';
import { IdPipe } from '../http/validation/ids.js';
import { bodyPipe, queryPipe } from '../http/validation/validation.js';
import { Write, type WriteRequest } from '../http/writes/write-request.js';
import { WriteResponder } from '../http/writes/write-responder.js';
import {
  BoardDefinedView,
  BoardPage,
  BoardRemovedView,
  BoardsQuery,
  BoardView,
  EntryRevokedView,
} from './boards.dto.js';
import { BoardsService } from './boards.service.js';
import { DefinitionFields, definitionFrom } from './definition.dto.js';

/** Lists, reads, defines and removes boards. */
@ApiTags('leaderboards')
@Controller({ path: 'leaderboards', version: '1' })
export class BoardsController {
  constructor(
    private readonly leaderboards: LeaderboardReader,
    private readonly boards: BoardsService,
    private readonly writes: WriteResponder,
  ) {}

  @Public()
  @Get()
  @ApiOperation({ summary: 'All boards, with their definitions and how many entries they have' })
  @ApiRead()
  @ApiOkResponse({ type: BoardPage })
  async list(@Query(queryPipe) { limit, cursor }: BoardsQuery): Promise<BoardPage> {
    const { boards, next } = await this.leaderboards.boards(cursor, limit);
    return { boards: boards.map(toView), ...(next !== undefined && { next }) };
  }

  @Public()
  @Get(':board')
  @ApiOperation({ summary: 'How a board ranks, its current period, and how many entries that has' })
  @ApiRead()
  @ApiProblems(404)
  @ApiOkResponse({ type: BoardView })
  async read(@Param('board', IdPipe) board: string): Promise<BoardView> {
    const listed = await this.leaderboards.find(board);
    if (!listed) throw notFound(`there is no board ${board}: the first score or a definition makes it`);
    return toView(listed);
  }

  @Put(':board')
  @AdminOnly()
  @ApiOperation({
    summary: 'Define a board, or define it anew',
    description:
      'The definition replaces the one before as a whole. A board that has scores is rebuilt from the log under its new definition; until that is done it ranks by the old one.',
  })
  @ApiWrite()
  @ApiProblems(409)
  @ApiOkResponse({ type: BoardDefinedView, description: 'With `Prefer: wait`: the board ranks so.' })
  define(
    @Param('board', IdPipe) board: string,
    @Body(bodyPipe) body: DefinitionFields,
    @Req() request: FastifyRequest,
    @Write() write: WriteRequest,
  ): Promise<object> {
    // The pipe takes a missing body for {}, so a forgotten body would reset the definition.
    if (request.body == null) throw badRequest('the definition is missing: {} is the default one');
    const definition = definitionFrom(board, body);
    return this.writes.respond(write, {
      append: envelope => this.boards.define(board, definition, envelope),
      result: async () => ({ board, ...definition }),
    });
  }

  @Delete(':board')
  @AdminOnly()
  @ApiOperation({
    summary: 'Remove a board',
    description:
      'What was scored on it counts no longer; a later score makes it anew. A board with a source only goes: its scores are the source’s.',
  })
  @ApiWrite()
  @ApiProblems(404, 409)
  @ApiOkResponse({ type: BoardRemovedView, description: 'With `Prefer: wait`: the board is gone.' })
  remove(@Param('board', IdPipe) board: string, @Write() write: WriteRequest): Promise<object> {
    return this.writes.respond(write, {
      append: envelope => this.boards.remove(board, envelope),
      result: async () => ({ board }),
    });
  }

  @Delete(':board/entries/:player')
  @AdminOnly()
  @ApiOperation({
    summary: "Revoke a player's scores on the board",
    description:
      'What was scored until now counts no longer, nor on boards that count this one; a later score starts afresh. The events remain.',
  })
  @ApiWrite()
  @ApiProblems(409)
  @ApiOkResponse({ type: EntryRevokedView, description: 'With `Prefer: wait`: the entry is gone.' })
  revoke(
    @Param('board', IdPipe) board: string,
    @Param('player', IdPipe) player: string,
    @Write() write: WriteRequest,
  ): Promise<object> {
    return this.writes.respond(write, {
      append: envelope => this.boards.revoke(board, player, envelope),
      result: async () => ({ board, player }),
    });
  }
}

function toView({ board, definition, period, total }: ListedBoard): BoardView {
  return { board, ...definition, period, total };
}
