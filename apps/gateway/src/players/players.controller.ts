import { Controller, Delete, Get, Param, Put } from '@nestjs/common';
import {
  ApiExtraModels,
  ApiOkResponse,
  ApiOperation,
  ApiProperty,
  ApiTags,
  getSchemaPath,
} from '@nestjs/swagger';
import { EventLog } from '#libs/event-log';
import { ScoreDocumentReader } from '#libs/leaderboards';
import { AdminOnly, OwnPlayerOnly } from '../auth/access.guard.js';
import { ApiRead, ApiWrite, AppliedView } from '../http/api-docs.js';
import { PlayerPipe } from '../http/validation/ids.js';
import { Write, type WriteRequest } from '../http/writes/write-request.js';
import { WriteResponder } from '../http/writes/write-responder.js';

class ScoreView {
  @ApiProperty()
  readonly score!: number;

  @ApiProperty({ format: 'date-time' })
  readonly at!: string;
}

export class BoardScoresView {
  @ApiProperty()
  readonly best!: number;

  @ApiProperty()
  readonly last!: number;

  @ApiProperty()
  readonly count!: number;

  @ApiProperty({ description: 'Summed exactly, then rounded once.' })
  readonly sum!: number;

  @ApiProperty({ format: 'date-time' })
  readonly firstAt!: string;

  @ApiProperty({ format: 'date-time' })
  readonly lastAt!: string;

  @ApiProperty({ type: [ScoreView], description: 'Newest first, at most 10.' })
  readonly recent!: readonly ScoreView[];
}

class PlayerScores {
  @ApiProperty()
  readonly player!: string;

  @ApiProperty({ type: 'object', additionalProperties: { $ref: getSchemaPath(BoardScoresView) } })
  readonly boards!: Readonly<Record<string, BoardScoresView>>;
}

class BanApplied extends AppliedView {
  @ApiProperty()
  readonly player!: string;

  @ApiProperty()
  readonly banned!: boolean;
}

@ApiTags('players')
@Controller({ path: 'players/:player', version: '1' })
export class PlayersController {
  constructor(
    private readonly scores: ScoreDocumentReader,
    private readonly log: EventLog,
    private readonly writes: WriteResponder,
  ) {}

  @Get('scores')
  @OwnPlayerOnly()
  @ApiOperation({ summary: "A player's scores, board by board" })
  @ApiRead()
  @ApiExtraModels(BoardScoresView)
  @ApiOkResponse({ type: PlayerScores })
  async read(@Param('player', PlayerPipe) player: string): Promise<PlayerScores> {
    return { player, boards: await this.scores.find(player) };
  }

  @Put('ban')
  @AdminOnly()
  @ApiOperation({
    summary: 'Hide a player from every board',
    description: 'Scores are still taken and kept; nobody sees them until the ban is lifted.',
  })
  @ApiWrite()
  @ApiOkResponse({ type: BanApplied, description: 'With `Prefer: wait`: the player is on no board.' })
  ban(@Param('player', PlayerPipe) player: string, @Write() write: WriteRequest): Promise<object> {
    return this.writes.respond(write, {
      append: envelope => this.log.append({ type: 'PlayerBanned', data: { player }, ...envelope }),
      result: async () => ({ player, banned: true }),
    });
  }

  @Delete('ban')
  @AdminOnly()
  @ApiOperation({ summary: 'Bring a player back to every board, to where their scores place them' })
  @ApiWrite()
  @ApiOkResponse({ type: BanApplied, description: 'With `Prefer: wait`: the player is back.' })
  unban(@Param('player', PlayerPipe) player: string, @Write() write: WriteRequest): Promise<object> {
    return this.writes.respond(write, {
      append: envelope => this.log.append({ type: 'PlayerUnbanned', data: { player }, ...envelope }),
      result: async () => ({ player, banned: false }),
    });
  }
}
