import { Body, Controller, Get, HttpCode, Param, Post, Query, Res, UseInterceptors } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { type Appended, NoSuchBoardError } from '#libs/event-log';
import { type Envelope, LeaderboardReader } from '#libs/leaderboards';
import { Public } from '../auth/access.guard.js';
import type { CallerRequest } from '../auth/caller.guard.js';
import type { EntryView } from '../entries/entries.dto.js';
import { EntryViews } from '../entries/entry-views.js';
import { ApiPlayer, ApiProblems, ApiRead } from '../http/api-docs.js';
import { IdPipe } from '../http/validation/ids.js';
import { checkName } from '../http/validation/name-rules.js';
import { bodyPipe, queryPipe } from '../http/validation/validation.js';
import { Write, type WriteRequest } from '../http/writes/write-request.js';
import { WriteResponder } from '../http/writes/write-responder.js';
import type { Score } from '../scores/score-rules.js';
import { BoardCreation, ScoreSubmitter } from '../scores/score-submitter.js';
import { Answer, done, missing } from './answers.js';
import { CookieRenewalInterceptor } from './cookie-renewal.interceptor.js';
import { CreatedBoardQuota } from './created-board-quota.js';
import { CountQuery, MemberEntry, MemberScoreBody } from './member-scores.dto.js';
import { assertOwn, SessionsOnly } from './own-session.js';

const isMember = (text: string, player: string) => text.endsWith(`-${player}`);

/** Whether the member in a body is the player's; nothing when there is none. */
function hasOwnMember({ body }: CallerRequest, player: string): boolean | undefined {
  const member = (body as { member?: unknown } | null | undefined)?.member;
  return typeof member === 'string' ? isMember(member, player) : undefined;
}

/** The game's boards. They are boards of `/v1` with the member of each run as an attribute. */
@ApiTags('cache quest')
@UseInterceptors(CookieRenewalInterceptor)
@Controller('api/leaderboard')
export class MemberScoresController {
  constructor(
    private readonly submitter: ScoreSubmitter,
    private readonly made: CreatedBoardQuota,
    private readonly writes: WriteResponder,
    private readonly leaderboards: LeaderboardReader,
    private readonly views: EntryViews,
  ) {}

  @Post()
  @SessionsOnly(hasOwnMember)
  @HttpCode(200)
  @ApiOperation({
    summary: "Submit the session's score",
    description:
      'A lower one than before changes nothing. The first score makes the board, of `CACHE_QUEST_BOARDS` (100) at most: beyond, it is 409 `quota-exceeded`.',
  })
  @ApiPlayer()
  @ApiProblems(400, 401, 403, 409, 413, 415, 422, 429, 503)
  @ApiOkResponse({ type: Answer, description: 'It can be read.' })
  async submit(
    @Body(bodyPipe) { key: board, score, member }: MemberScoreBody,
    @Write() write: WriteRequest,
  ): Promise<Answer> {
    const { caller } = write;
    checkName('member', member);
    assertOwn(caller, isMember(member, caller.id));
    const run = { board, player: caller.id, score, attributes: { member } };
    await this.writes.untilApplied(write, envelope => this.append(run, envelope));
    return done('Score submitted');
  }

  /** Creates the board if needed. The game's boards need no definition, but their number is limited. */
  private async append(run: Score, envelope: Envelope): Promise<Appended> {
    try {
      return await this.submitter.submit(run, envelope, new BoardCreation(false));
    } catch (error) {
      if (!(error instanceof NoSuchBoardError)) throw error;
    }
    await this.made.add(run.board);
    return this.submitter.submit(run, envelope, new BoardCreation(true));
  }

  @Get(':key')
  @Public()
  @ApiOperation({ summary: 'The best of a board' })
  @ApiRead()
  @ApiResponse({ status: 404, type: Answer, description: 'The board has no entries.' })
  @ApiOkResponse({ type: [MemberEntry] })
  async best(
    @Param('key', IdPipe) board: string,
    @Query(queryPipe) { count }: CountQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<MemberEntry[] | Answer> {
    const { entries } = await this.leaderboards.read(board, { from: { offset: 0 }, length: count });
    if (entries.length === 0) return missing(reply, 'No leaderboard entries found');
    return (await this.views.of(entries)).map(entry => ({ value: memberOf(entry), score: entry.score }));
  }
}

/** The member of the run. Runs from `/v1` have none, or an arbitrary attribute of that name. */
function memberOf({ player, name = player, attributes }: EntryView): string {
  const member = attributes?.member;
  return typeof member === 'string' && isMember(member, player) ? member : `${name}-${player}`;
}
