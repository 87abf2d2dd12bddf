import { Controller, Delete, Get, Header, Param, Req, Res } from '@nestjs/common';
import {
  ApiOkResponse,
  ApiOperation,
  ApiProperty,
  ApiPropertyOptional,
  ApiTags,
  getSchemaPath,
} from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { OwnPlayerOrAdmin } from '../auth/access.guard.js';
import { clearCookie } from '../auth/session-cookie.js';
import { SingleEntry } from '../entries/entries.dto.js';
import { ApiRead, ApiWrite, AppliedView } from '../http/api-docs.js';
import { streamedAnswer } from '../http/server/streamed-answer.js';
import { PlayerPipe } from '../http/validation/ids.js';
import { Write, type WriteRequest } from '../http/writes/write-request.js';
import { WriteResponder } from '../http/writes/write-responder.js';
import { RateClass } from '../limits/rate-class.js';
import { AuditedEvent } from '../operators/audit.dto.js';
import { PlayerErasure } from './player-erasure.js';
import { PlayerExport } from './player-export.js';
import { BoardScoresView } from './players.controller.js';

class ErasureApplied extends AppliedView {
  @ApiProperty()
  readonly player!: string;

  @ApiProperty({ enum: [true] })
  readonly erased!: true;
}

class ExportedSession {
  @ApiProperty({ format: 'date-time' })
  readonly expiresAt!: string;
}

class ExportedSave {
  @ApiProperty()
  readonly slot!: string;

  @ApiProperty()
  readonly version!: number;

  @ApiProperty({ format: 'date-time' })
  readonly updatedAt!: string;

  @ApiProperty()
  readonly bytes!: number;

  @ApiProperty({ type: 'object', additionalProperties: true, description: 'As it was written.' })
  readonly document!: object;
}

class PlayerExportView {
  @ApiProperty()
  readonly player!: string;

  @ApiProperty({ format: 'date-time' })
  readonly exportedAt!: string;

  @ApiProperty({ type: 'object', additionalProperties: true, nullable: true })
  readonly profile!: object | null;

  @ApiProperty({ description: 'Whether a secret to return with is kept, as a hash.' })
  readonly hasSecret!: boolean;

  @ApiProperty({ type: [ExportedSession] })
  readonly sessions!: readonly ExportedSession[];

  @ApiProperty()
  readonly banned!: boolean;

  @ApiProperty({ type: 'object', additionalProperties: { $ref: getSchemaPath(BoardScoresView) } })
  readonly scores!: Readonly<Record<string, BoardScoresView>>;

  @ApiProperty({ type: [SingleEntry], description: 'Where the player stands now.' })
  readonly entries!: readonly SingleEntry[];

  @ApiProperty({ type: [ExportedSave] })
  readonly saves!: readonly ExportedSave[];

  @ApiPropertyOptional({ type: [AuditedEvent], description: 'As the audit trail shows them, newest first.' })
  readonly events!: readonly AuditedEvent[];
}

/** A player's rights to their data: export and erasure. */
@ApiTags('players')
@OwnPlayerOrAdmin()
@Controller({ path: 'players/:player', version: '1' })
export class PersonalDataController {
  constructor(
    private readonly erasure: PlayerErasure,
    private readonly exports: PlayerExport,
    private readonly writes: WriteResponder,
  ) {}

  @Delete()
  @ApiOperation({
    summary: 'Erase a player: profile, saves, scores, entries, credentials and events',
    description:
      'It cannot be undone. Every session ends at once. The events go from the log, too, some time after they are gone from everything that can be read; until then nothing is taken of the player (409), and after that the id is as good as new.',
  })
  @ApiWrite()
  @ApiOkResponse({
    type: ErasureApplied,
    description: 'With `Prefer: wait`: nobody can read anything of the player.',
  })
  async erase(
    @Param('player', PlayerPipe) player: string,
    @Write() write: WriteRequest,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<object> {
    const answer = await this.writes.respond(write, {
      append: envelope => this.erasure.begin(player, envelope),
      result: async () => ({ player, erased: true }),
    });
    if (write.caller.kind === 'player') clearCookie(request, reply);
    return answer;
  }

  @Get('export')
  // It reads the whole log, so it costs a player as much as a full list of scores.
  @RateClass('bulk', () => 1_000)
  @Header('Cache-Control', 'no-store')
  @ApiOperation({
    summary: 'All that is held on a player, as one JSON document',
    description:
      'It is streamed: the events come last, and are looked for in the whole log. A client that reads none of it for 30 seconds is cut off. Where Redis goes away meanwhile, the connection ends before the document does.',
  })
  @ApiRead()
  @ApiOkResponse({ type: PlayerExportView })
  async export(@Param('player', PlayerPipe) player: string, @Req() request: FastifyRequest): Promise<object> {
    return streamedAnswer(request, await this.exports.begin(player), {
      type: 'application/json; charset=utf-8',
      disposition: `attachment; filename="${player}.json"`,
    });
  }
}
