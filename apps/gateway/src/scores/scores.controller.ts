import { Readable } from 'node:stream';
import { Body, Controller, HttpCode, Param, Post, Req } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import {
  ApiBody,
  ApiConsumes,
  ApiHeader,
  ApiOkResponse,
  ApiOperation,
  ApiResponse,
  ApiTags,
} from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { KeysOnly, RefusesWhen } from '../auth/access.guard.js';
import { ApiPlayer, ApiProblems, ApiWrite } from '../http/api-docs.js';
import { LARGE_BODY, notTaken } from '../http/server/json-body.js';
import { NDJSON, STREAMED_BODY } from '../http/server/streamed-body.js';
import { IdPipe } from '../http/validation/ids.js';
import { Write, type WriteRequest } from '../http/writes/write-request.js';
import { WriteResponder } from '../http/writes/write-responder.js';
import { RateClass, ScoreOfBoard } from '../limits/rate-class.js';
import { latestOf } from './latest-event.js';
import { ScoreImport } from './score-import.js';
import { readScore, scoreRefusal } from './score-item.js';
import { ImportReport, ScoreApplied, ScoreResults, SubmitScoreBody, SubmitScoresBody } from './scores.dto.js';
import { ScoresService, scoresIn } from './scores.service.js';

/** Routes to submit scores: one, a list, or a stream. */
@ApiTags('scores')
@Controller({ version: '1' })
export class ScoresController {
  constructor(
    private readonly scores: ScoresService,
    private readonly imports: ScoreImport,
    private readonly writes: WriteResponder,
  ) {}

  @Post('leaderboards/:board/scores')
  @RefusesWhen(scoreRefusal)
  @ScoreOfBoard()
  @ApiOperation({
    summary: 'Submit a score',
    description:
      'The definition of the board decides how the score counts. With `BOARDS=open`, the first score creates the board; with `BOARDS=defined`, the default in production, a board without a definition and without scores gets 404 `no-such-board`. A score on more boards than `QUOTAS` allows a player gets 409 `quota-exceeded`.',
  })
  @ApiWrite()
  @ApiBody({ type: SubmitScoreBody })
  @ApiPlayer()
  @ApiProblems(403, 404, 409)
  @ApiOkResponse({ type: ScoreApplied, description: 'With `Prefer: wait`: the score has taken effect.' })
  submit(
    @Param('board', IdPipe) board: string,
    @Body() body: unknown,
    @Write() write: WriteRequest,
  ): Promise<object> {
    const score = readScore(body, board, write.caller);
    return this.writes.respond(write, this.scores.change(score, write.waitSeconds > 0));
  }

  @Post('scores')
  @RateClass('bulk', ({ body }) => scoresIn(body))
  @RouteConfig(LARGE_BODY)
  @ApiOperation({
    summary: 'Submit up to 1,000 scores, on any boards',
    description:
      'Each score succeeds or fails by itself: `results` has an event or a problem for each, in the order of the request. The answer is 202 even when all of them fail. Scores of one board are appended in the order of the request.',
  })
  @ApiPlayer()
  @ApiHeader({
    name: 'Prefer',
    required: false,
    description: '`wait=N`: answer when all have taken effect, or after N seconds (at most 10).',
  })
  @ApiBody({ type: SubmitScoresBody })
  @ApiResponse({ status: 202, description: 'The accepted scores are in the log.', type: ScoreResults })
  @ApiOkResponse({
    description: 'With `Prefer: wait`: the accepted scores have taken effect.',
    type: ScoreResults,
  })
  @ApiProblems(400, 401, 413, 415, 429, 503)
  async submitAll(@Body() body: unknown, @Write() write: WriteRequest): Promise<object> {
    const append = () => this.scores.submitAll(body, write.caller, write.trace);
    const { outcomes, isApplied } = await this.writes.respondToList(write, append, latestOf);
    return this.scores.results(outcomes, isApplied);
  }

  @Post('scores/import')
  @HttpCode(200)
  @RouteConfig(STREAMED_BODY)
  @ApiOperation({
    summary: 'Load any number of scores, one a line',
    description:
      'Lines are read as they arrive, no faster than the log accepts them. Scores of one board are appended in the order of their lines. A line has at most 64 KiB. If Redis becomes unavailable, `detail` says from which line to continue; with an `idempotencyKey` in each line, no score counts twice.',
  })
  @KeysOnly()
  @ApiConsumes(NDJSON)
  @ApiBody({ schema: { type: 'string', example: '{"board":"weekly","player":"ada","score":1234}\n' } })
  @ApiOkResponse({ type: ImportReport })
  @ApiProblems(400, 401, 403, 415, 429, 503)
  import(
    @Body() body: unknown,
    @Req() request: FastifyRequest,
    @Write() write: WriteRequest,
  ): Promise<ImportReport> {
    write.refuseIdempotencyKey();
    if (!(body instanceof Readable)) throw notTaken(request);
    write.addTime(Number.POSITIVE_INFINITY);
    return this.imports.run(body, write.caller, write.trace);
  }
}
