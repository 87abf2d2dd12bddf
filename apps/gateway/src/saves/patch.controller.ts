import { Body, Controller, Param, Patch, Req } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiBody, ApiConsumes, ApiHeader, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { OwnPlayerOnly } from '../auth/access.guard.js';
import { ApiProblems, ApiWrite } from '../http/api-docs.js';
import { JSON_PATCH, MERGE_PATCH, mediaType, PATCH_BODY } from '../http/server/json-body.js';
import { IdPipe, PlayerPipe } from '../http/validation/ids.js';
import { Write, type WriteRequest } from '../http/writes/write-request.js';
import { WriteResponder } from '../http/writes/write-responder.js';
import { applyPatch, checkPatch } from './apply-patch.js';
import { SaveLog } from './save-log.js';
import { saveMeta } from './save-meta.js';
import { IF_MATCH, IF_UNMODIFIED_SINCE, SAVE_META, SaveApplied } from './saves.dto.js';

@ApiTags('saves')
@OwnPlayerOnly()
@Controller({ path: 'players/:player/saves', version: '1' })
export class PatchController {
  constructor(
    private readonly log: SaveLog,
    private readonly writes: WriteResponder,
  ) {}

  @Patch(':slot')
  @RouteConfig(PATCH_BODY)
  @ApiOperation({
    summary: 'Change a save',
    description: `A merge patch (RFC 7396) or a JSON patch (RFC 6902), applied to the latest version that the log has, as
one step: of two patches at the same time none is lost. What it does not touch stays as it was written, but for white
space: numbers beyond 2^53 and the order of keys, too.`,
  })
  @ApiConsumes(MERGE_PATCH, JSON_PATCH)
  @ApiBody({ schema: { type: 'object', example: { hp: 20, poison: null } } })
  @ApiHeader(IF_MATCH)
  @ApiHeader(IF_UNMODIFIED_SINCE)
  @ApiHeader(SAVE_META)
  @ApiWrite()
  @ApiProblems(404, 409, 412)
  @ApiOkResponse({ type: SaveApplied, description: 'With `Prefer: wait`: the save can be read.' })
  patch(
    @Param('player', PlayerPipe) player: string,
    @Param('slot', IdPipe) slot: string,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
    @Write() write: WriteRequest,
  ): Promise<object> {
    const type = mediaType(request) === JSON_PATCH ? JSON_PATCH : MERGE_PATCH;
    const patch = checkPatch(body, type);
    const id = { player, slot };
    const meta = saveMeta(request.headers);
    const revision = {
      request: meta ? `${type} ${JSON.stringify(meta)} ${patch}` : `${type} ${patch}`,
      meta,
      condition: write.condition,
      // A patch is applied several times when others write the slot at the same time.
      revise: (document: string) => {
        write.assertWanted();
        return applyPatch(document, patch, type);
      },
    };
    return this.writes.respond(write, {
      append: envelope => this.log.revise(id, revision, envelope),
      result: appended => this.log.applied(id, appended),
      isDated: true,
    });
  }
}
