import { Controller, Delete, Get, Param, Req, Res } from '@nestjs/common';
import { ApiHeader, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { VersionConflictError } from '#libs/event-log';
import type { Actor } from '#libs/events';
import type { Envelope } from '#libs/leaderboards';
import { SaveReader } from '#libs/saves';
import { OwnPlayerOnly } from '../auth/access.guard.js';
import { Caller } from '../auth/caller.guard.js';
import { ApiProblems, ApiRead, ApiWrite } from '../http/api-docs.js';
import { appendIf } from '../http/conditional-write.js';
import { IdPipe, PlayerPipe } from '../http/ids.js';
import { writeCondition } from '../http/preconditions.js';
import { badRequest, notFound } from '../http/problem.js';
import { WriteService } from '../http/write.service.js';
import { SaveLog } from './save-log.js';
import { IF_MATCH, IF_UNMODIFIED_SINCE, SaveDeletedView, SaveList } from './saves.dto.js';

@ApiTags('saves')
@OwnPlayerOnly()
@Controller('v1/players/:player/saves')
export class SlotsController {
  constructor(
    private readonly saves: SaveReader,
    private readonly log: SaveLog,
    private readonly writes: WriteService,
  ) {}

  @Get()
  @ApiOperation({ summary: "List a player's saves" })
  @ApiRead()
  @ApiOkResponse({ type: SaveList })
  async list(@Param('player', PlayerPipe) player: string): Promise<SaveList> {
    return { player, saves: await this.saves.list(player) };
  }

  @Delete(':slot')
  @ApiOperation({
    summary: 'Delete a save',
    description:
      'A version without a document. The history stays, and the next document is the version after it.',
  })
  @ApiHeader(IF_MATCH)
  @ApiHeader(IF_UNMODIFIED_SINCE)
  @ApiWrite()
  @ApiProblems(404, 412)
  @ApiOkResponse({ type: SaveDeletedView, description: 'With `Prefer: wait`: the save is gone for readers.' })
  async delete(
    @Param('player', PlayerPipe) player: string,
    @Param('slot', IdPipe) slot: string,
    @Caller() caller: Actor,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<object> {
    const condition = writeCondition(request.headers);
    if (condition.expected === 0)
      throw badRequest('If-None-Match is not for deletions: what is not there cannot be deleted');
    const id = { player, slot };
    const append = (envelope: Envelope) =>
      appendIf(
        condition,
        () => this.log.currentHead(id),
        envelope,
        ({ expectedVersion, replayOnly }) => {
          const conditions = {
            expectedVersion: expectedVersion || 'existing',
            ...(replayOnly && { replayOnly }),
          } as const;
          return this.writes.appending({ type: 'SaveDeleted', data: id, caller, ...conditions })(envelope);
        },
      );
    try {
      const result = this.log.applied.bind(this.log, id);
      return await this.writes.change({ caller, append, result }, request, reply);
    } catch (error) {
      const isAbsent = error instanceof VersionConflictError && error.head === 0;
      if (condition.expected === undefined && isAbsent) throw notFound(`${player} has no save in ${slot}`);
      throw error;
    }
  }
}
