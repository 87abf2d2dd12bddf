import { Controller, Get, Param, Query, Req } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { AdminOnly } from '../auth/access.guard.js';
import { ApiProblems, ApiRead } from '../http/api-docs.js';
import { isWanted } from '../http/presence.js';
import { IdPipe, PlayerPipe } from '../http/validation/ids.js';
import { queryPipe } from '../http/validation/validation.js';
import { AuditPage, AuditQuery, BoardAuditQuery } from './audit.dto.js';
import { AuditTrail } from './audit-trail.js';

const COST = `The log has no index: the events of others in the same partition are looked at, too. One request looks at
no more than 50,000 entries or 16 MiB, and no further than to one MiB of events; it answers what it has, which can be
nothing: go on with \`next\`.`;

@ApiTags('operators')
@AdminOnly()
@Controller({ path: 'admin', version: '1' })
export class AuditController {
  constructor(private readonly audit: AuditTrail) {}

  @Get('leaderboards/:board/events')
  @ApiOperation({
    summary: 'The audit trail of a board: its events, newest first',
    description: `Reads the partitions that have the board. ${COST}`,
  })
  @ApiRead()
  @ApiProblems(401, 403)
  @ApiOkResponse({ type: AuditPage })
  ofBoard(
    @Param('board', IdPipe) board: string,
    @Query(queryPipe) { player, ...page }: BoardAuditQuery,
    @Req() request: FastifyRequest,
  ): Promise<AuditPage> {
    return this.audit.ofBoard(board, player, { ...page, isWanted: () => isWanted(request) });
  }

  @Get('players/:player/events')
  @ApiOperation({
    summary: 'The audit trail of a player: saves, scores, revocations and bans, newest first',
    description: `Reads the partitions that have the player's saves, the boards of the player's score document, and bans. ${COST}`,
  })
  @ApiRead()
  @ApiProblems(401, 403)
  @ApiOkResponse({ type: AuditPage })
  ofPlayer(
    @Param('player', PlayerPipe) player: string,
    @Query(queryPipe) page: AuditQuery,
    @Req() request: FastifyRequest,
  ): Promise<AuditPage> {
    return this.audit.ofPlayer(player, { ...page, isWanted: () => isWanted(request) });
  }
}
