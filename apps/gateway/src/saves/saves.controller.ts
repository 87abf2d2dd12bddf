import { Body, Controller, Get, Param, Put, Query, Req, Res } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiBody, ApiHeader, ApiOkResponse, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { timeOf } from '#libs/events';
import { type Save, SaveReader } from '#libs/saves';
import { OwnPlayerOnly } from '../auth/access.guard.js';
import { ApiProblems, ApiRead, ApiWrite } from '../http/api-docs.js';
import { notFound } from '../http/problem.js';
import { TEXT_BODY } from '../http/server/json-body.js';
import { IdPipe, PlayerPipe } from '../http/validation/ids.js';
import { queryPipe } from '../http/validation/validation.js';
import { etagOf, matchesNone } from '../http/writes/etag.js';
import { Write, type WriteRequest } from '../http/writes/write-request.js';
import { WriteResponder } from '../http/writes/write-responder.js';
import { checkDocument } from './document.js';
import { SaveLog, type SlotId } from './save-log.js';
import { saveMeta } from './save-meta.js';
import { IF_MATCH, IF_UNMODIFIED_SINCE, SAVE_META, SaveApplied, SaveQuery } from './saves.dto.js';
import { pathOf, selectPath } from './select-path.js';

@ApiTags('saves')
@OwnPlayerOnly()
@Controller({ path: 'players/:player/saves', version: '1' })
export class SavesController {
  constructor(
    private readonly saves: SaveReader,
    private readonly log: SaveLog,
    private readonly writes: WriteResponder,
  ) {}

  @Get(':slot')
  @ApiOperation({ summary: 'Read a save', description: 'The document, byte for byte as it was put.' })
  @ApiRead()
  @ApiProblems(404, 422)
  @ApiHeader({
    name: 'If-None-Match',
    required: false,
    description: 'An `ETag`: 304 while it is the current one.',
  })
  @ApiResponse({ status: 304, description: 'The version is the one of If-None-Match.' })
  @ApiOkResponse({
    description: 'The document. `ETag` has its version.',
    content: { 'application/json': { schema: { type: 'object' } } },
    headers: { ETag: { schema: { type: 'string', example: '"3"' } } },
  })
  async read(
    @Param('player', PlayerPipe) player: string,
    @Param('slot', IdPipe) slot: string,
    @Query(queryPipe) { version: past, path }: SaveQuery,
    @Req() { headers }: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<string | undefined> {
    const select = path === undefined ? undefined : pathOf(path);
    const save =
      past === undefined ? await this.current(player, slot) : await this.past({ player, slot }, past);
    const etag = etagOf(save.version);
    reply.headers({
      ETag: etag,
      'Last-Modified': new Date(save.updatedAt).toUTCString(),
      'Cache-Control': 'no-cache',
    });
    if (matchesNone(headers, etag)) {
      reply.status(304);
      return undefined;
    }
    reply.header('Content-Type', 'application/json; charset=utf-8');
    return select ? selectPath(save.document, select) : save.document;
  }

  @Put(':slot')
  @RouteConfig(TEXT_BODY)
  @ApiOperation({
    summary: 'Write a save',
    description:
      'Any JSON object, at most 256 KiB and 64 levels deep. It replaces what was there. Over a quota of the player (`QUOTAS`) it is 409 `quota-exceeded` with `quota`, `limit` and `used`, or 429 for what is counted by the hour.',
  })
  @ApiBody({ schema: { type: 'object', example: { level: 3, hp: 20 } } })
  @ApiHeader(IF_MATCH)
  @ApiHeader(IF_UNMODIFIED_SINCE)
  @ApiHeader(SAVE_META)
  @ApiHeader({ name: 'If-None-Match', required: false, description: '`*`: write only if there is none.' })
  @ApiWrite()
  @ApiProblems(409, 412)
  @ApiOkResponse({ type: SaveApplied, description: 'With `Prefer: wait`: the save can be read.' })
  put(
    @Param('player', PlayerPipe) player: string,
    @Param('slot', IdPipe) slot: string,
    @Body() body: unknown,
    @Req() { headers }: FastifyRequest,
    @Write() write: WriteRequest,
  ): Promise<object> {
    const document = checkDocument(body);
    const meta = saveMeta(headers);
    const id = { player, slot };
    const condition = write.condition;
    return this.writes.respond(write, {
      append: envelope =>
        this.log.replace(id, { document, meta, isMetaSent: meta !== undefined }, condition, envelope),
      result: async ({ ref, at, version }) => ({
        ...{ player, slot, version, updatedAt: new Date(timeOf({ id: ref.id, at })).toISOString() },
        bytes: Buffer.byteLength(document),
      }),
      isDated: true,
    });
  }

  private async current(player: string, slot: string): Promise<Save> {
    const save = await this.saves.find(player, slot);
    if (!save) throw notFound(`${player} has no save in ${slot}`);
    return save;
  }

  /** Past documents are in the log only. */
  private async past(id: SlotId, version: number): Promise<Pick<Save, 'version' | 'updatedAt' | 'document'>> {
    const event = await this.log.document(id, version);
    return { version, updatedAt: new Date(timeOf(event)).toISOString(), document: event.data.document };
  }
}
