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
      'What the board makes of it is up to its definition. With `BOARDS=open` the first score makes the board; with `BOARDS=defined`, the default in production, a board without definition and scores is 404 `no-such-board`. On more boards than `QUOTAS` allows a player, it is 409 `quota-exceeded`.',
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
      'Each for itself: `results` has for each, in their order, its event or a problem. The answer is 202 even when all of them fail. Scores of one board are appended in their order.',
  })
  @ApiPlayer()
  @ApiHeader({
    name: 'Prefer',
    required: false,
    description: '`wait=N`: answer when all have taken effect, or after N seconds (at most 10).',
  })
  @ApiBody({ type: SubmitScoresBody })
  @ApiResponse({ status: 202, description: 'What was taken is in the log.', type: ScoreResults })
  @ApiOkResponse({ description: 'With `Prefer: wait`: what was taken has taken effect.', type: ScoreResults })
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
      'Lines are taken while they come, no faster than the log takes them, those of one board in their order. A line has at most 64 KiB. Should Redis go away, `detail` says from which line to go on; with an `idempotencyKey` in each line, nothing counts twice.',
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
