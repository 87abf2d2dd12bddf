import { Body, Controller, Get, Param, Post, Query, Req } from '@nestjs/common';
import { ApiHeader, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { timeOf } from '#libs/events';
import { SaveReader } from '#libs/saves';
import { OwnPlayerOnly } from '../auth/access.guard.js';
import { ApiProblems, ApiRead, ApiWrite } from '../http/api-docs.js';
import { notFound } from '../http/problem.js';
import { IdPipe, PlayerPipe } from '../http/validation/ids.js';
import { bodyPipe, queryPipe } from '../http/validation/validation.js';
import { Write, type WriteRequest } from '../http/writes/write-request.js';
import { WriteResponder } from '../http/writes/write-responder.js';
import { SaveLog } from './save-log.js';
import { saveMeta } from './save-meta.js';
import {
  HistoryPage,
  HistoryQuery,
  IF_MATCH,
  IF_UNMODIFIED_SINCE,
  RestoreBody,
  SAVE_META,
  SaveApplied,
} from './saves.dto.js';

@ApiTags('saves')
@OwnPlayerOnly()
@Controller({ path: 'players/:player/saves', version: '1' })
export class HistoryController {
  constructor(
    private readonly saves: SaveReader,
    private readonly log: SaveLog,
    private readonly writes: WriteResponder,
  ) {}

  @Get(':slot/history')
  @ApiOperation({
    summary: 'List the versions of a save, newest first',
    description: 'Deletions are among them. Read one with `?version=` on the save itself.',
  })
  @ApiRead()
  @ApiProblems(404)
  @ApiOkResponse({ type: HistoryPage })
  async list(
    @Param('player', PlayerPipe) player: string,
    @Param('slot', IdPipe) slot: string,
    @Query(queryPipe) { limit, cursor }: HistoryQuery,
  ): Promise<HistoryPage> {
    const latest = await this.saves.latest(player, slot);
    if (latest === 0) throw notFound(`${player} never had a save in ${slot}`);
    const from = Math.min(latest, Number(cursor ?? latest));
    const versions = await this.saves.history(player, slot, from, limit);
    const next = from - limit;
    return {
      player,
      slot,
      versions: versions.map(({ version, id, at, bytes, actor }) => ({
        version,
        at: new Date(timeOf({ id, at })).toISOString(),
        ...(bytes === undefined ? { deleted: true } : { bytes }),
        actor,
      })),
      ...(next > 0 && { next: String(next) }),
    };
  }

  @Post(':slot/restore')
  @ApiOperation({
    summary: 'Make a past version the current one again',
    description: 'Its document becomes a new version, byte for byte. The versions between the two stay.',
  })
  @ApiHeader(IF_MATCH)
  @ApiHeader(IF_UNMODIFIED_SINCE)
  @ApiHeader(SAVE_META)
  @ApiHeader({ name: 'If-None-Match', required: false, description: '`*`: only if there is none now.' })
  @ApiWrite()
  @ApiProblems(404, 409, 412)
  @ApiOkResponse({ type: SaveApplied, description: 'With `Prefer: wait`: the save can be read.' })
  async restore(
    @Param('player', PlayerPipe) player: string,
    @Param('slot', IdPipe) slot: string,
    @Body(bodyPipe) { version }: RestoreBody,
    @Req() { headers }: FastifyRequest,
    @Write() write: WriteRequest,
  ): Promise<object> {
    const id = { player, slot };
    const { document, meta } = (await this.log.document(id, version)).data;
    const sent = saveMeta(headers);
    const content = { document, meta: sent ?? meta, isMetaSent: sent !== undefined };
    const condition = write.condition;
    return this.writes.respond(write, {
      append: envelope => this.log.replace(id, content, condition, envelope),
      result: appended => this.log.applied(id, appended),
      isDated: true,
    });
  }
}
