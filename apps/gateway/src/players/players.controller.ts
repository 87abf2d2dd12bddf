import { Controller, Get, Param } from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiExtraModels,
  ApiOkResponse,
  ApiOperation,
  ApiProperty,
  ApiTags,
  getSchemaPath,
} from '@nestjs/swagger';
import { ScoreDocumentReader } from '#libs/projections';
import { ApiProblems, ApiRead } from '../http/api-docs.js';
import { PlayerPipe } from '../http/ids.js';

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

@ApiTags('players')
@Controller('v1/players/:player')
export class PlayersController {
  constructor(private readonly scores: ScoreDocumentReader) {}

  @Get('scores')
  @ApiBearerAuth()
  @ApiOperation({ summary: "A player's scores, board by board" })
  @ApiRead()
  @ApiProblems(401)
  @ApiExtraModels(BoardScoresView)
  @ApiOkResponse({ type: PlayerScores })
  async read(@Param('player', PlayerPipe) player: string): Promise<PlayerScores> {
    return { player, boards: await this.scores.find(player) };
  }
}
