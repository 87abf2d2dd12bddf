import { Controller, Delete, Get, Param } from '@nestjs/common';
import { ApiHeader, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { VersionConflictError } from '#libs/event-log';
import { SaveReader } from '#libs/saves';
import { OwnPlayerOnly } from '../auth/access.guard.js';
import { ApiProblems, ApiRead, ApiWrite } from '../http/api-docs.js';
import { badRequest, notFound } from '../http/problem.js';
import { IdPipe, PlayerPipe } from '../http/validation/ids.js';
import { Write, type WriteRequest } from '../http/writes/write-request.js';
import { WriteResponder } from '../http/writes/write-responder.js';
import { SaveLog } from './save-log.js';
import { IF_MATCH, IF_UNMODIFIED_SINCE, SaveDeletedView, SaveList } from './saves.dto.js';

@ApiTags('saves')
@OwnPlayerOnly()
@Controller({ path: 'players/:player/saves', version: '1' })
export class SlotsController {
  constructor(
    private readonly saves: SaveReader,
    private readonly log: SaveLog,
    private readonly writes: WriteResponder,
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
    @Write() write: WriteRequest,
  ): Promise<object> {
    const condition = write.condition;
    if (condition.expected === 0)
      throw badRequest('If-None-Match is not for deletions: what is not there cannot be deleted');
    const id = { player, slot };
    try {
      return await this.writes.respond(write, {
        append: envelope => this.log.delete(id, condition, envelope),
        result: appended => this.log.applied(id, appended),
      });
    } catch (error) {
      const isAbsent = error instanceof VersionConflictError && error.head === 0;
      if (condition.expected === undefined && isAbsent) throw notFound(`${player} has no save in ${slot}`);
      throw error;
    }
  }
}
