import { Inject, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Appended, formatEventRef } from '#libs/event-log';
import { type Actor, compareEventIds } from '#libs/events';
import { LeaderboardReader } from '#libs/leaderboards';
import { Logger } from '#libs/observability';
import { isRedisUnavailable } from '#libs/redis';
import { withValue } from '../http/field-rules.js';
import { refuseIdempotencyKey, traceParent, waitPreference } from '../http/preconditions.js';
import { toProblem } from '../http/problem.filter.js';
import { type ProblemBody, SHOWN_ERRORS } from '../http/problem.js';
import { addTime } from '../http/server/deadline.js';
import { invalid, unknownField } from '../http/validation.js';
import { WriteService } from '../http/write.service.js';
import { ScoreIntake } from './score-intake.js';
import { readItem, readScore } from './score-item.js';
import { MAX_SCORES, type ScoreResults, type ScoreTaken } from './scores.dto.js';

/** Submits scores, and says what became of them. */
@Injectable()
export class ScoresService {
  constructor(
    private readonly writes: WriteService,
    private readonly intake: ScoreIntake,
    private readonly leaderboards: LeaderboardReader,
    @Inject(Logger) private readonly logger: Logger,
  ) {}

  submit(
    board: string,
    body: unknown,
    caller: Actor,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<object> {
    const score = readScore(body, board, caller);
    const { player } = score;
    let previous: number | undefined;
    return this.writes.change(
      {
        caller,
        append: async envelope => {
          if (waitPreference(request.headers) > 0) previous = (await this.entryOf(board, player))?.rank;
          return this.intake.submit(score, envelope);
        },
        result: async ({ ref }) => {
          const entry = await this.entryOf(board, player);
          return {
            board,
            player,
            rank: entry?.rank,
            ...(previous !== undefined && { previousRank: previous }),
            score: entry?.score,
            improved: entry !== undefined && compareEventIds(entry.run, ref.id) === 0,
          };
        },
      },
      request,
      reply,
    );
  }

  /** @throws Problem 400 when there is no list to go through, 503 when the log has taken none for being away */
  async submitAll(
    body: unknown,
    caller: Actor,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<ScoreResults> {
    const { headers } = request;
    const seconds = waitPreference(headers);
    refuseIdempotencyKey(headers);
    const read = listFrom(body).map((value, i) => readItem(value, caller, `scores[${i}]`));
    const outcomes = await this.intake.submitAll(read, caller, traceParent(headers));
    const appended = outcomes.flatMap(outcome => (outcome instanceof Error ? [] : [outcome]));
    const away = outcomes.find(isRedisUnavailable);
    if (away && appended.length === 0) throw away;
    addTime(request, 1_000 * seconds);
    const isApplied = seconds > 0 && (await this.areApplied(request, appended, seconds));
    if (isApplied) reply.header('Preference-Applied', `wait=${seconds}`);
    reply.status(isApplied ? 200 : 202);
    return { results: outcomes.map(outcome => this.view(outcome, isApplied)) };
  }

  private view(outcome: Appended | Error, isApplied: boolean): ScoreTaken | ProblemBody {
    if (!(outcome instanceof Error)) {
      return {
        eventId: formatEventRef(outcome.ref),
        ...(outcome.replayed && { replayed: true }),
        ...(isApplied && { status: 'applied' }),
      };
    }
    const problem = toProblem(outcome);
    if (problem.getStatus() === 500) this.logger.error(outcome, undefined, 'POST /v1/scores');
    return problem.brief;
  }

  /** One question for each partition, instead of one for each event. */
  private async areApplied(
    request: FastifyRequest,
    appended: readonly Appended[],
    seconds: number,
  ): Promise<boolean> {
    const ids = appended.map(({ ref }) => ref.id).sort(compareEventIds);
    const id = ids.at(-1);
    if (!id) return false;
    const last = { stream: 'scores', partition: 'all', id } as const;
    return (await this.writes.projected(request, last, seconds, async () => true)) ?? false;
  }

  private async entryOf(board: string, player: string) {
    const { entries } = await this.leaderboards.lookup(board, [player]);
    return entries[0];
  }
}

/** What a list of scores counts for, before anyone has looked into it: a list that is none counts as one. */
export function scoresIn({ body }: FastifyRequest): number {
  const { scores } = (body ?? {}) as { scores?: unknown };
  return Array.isArray(scores) ? Math.min(Math.max(scores.length, 1), MAX_SCORES) : 1;
}

/** @throws Problem 400 */
function listFrom(body: unknown): readonly unknown[] {
  const isObject = typeof body === 'object' && body !== null && !Array.isArray(body);
  const fields = (isObject ? body : {}) as Record<string, unknown>;
  const { scores } = fields;
  const unknown = Object.keys(fields).filter(field => field !== 'scores');
  const errors = unknown.slice(0, SHOWN_ERRORS).map(field => unknownField(field, fields[field], ['scores']));
  if (!Array.isArray(scores) || scores.length === 0 || scores.length > MAX_SCORES) {
    const rule = `scores must be a list of 1 to ${MAX_SCORES} scores`;
    errors.push({ path: 'scores', message: withValue(rule, isObject ? scores : body) });
  }
  if (errors.length > 0) throw invalid(errors, Math.max(0, unknown.length - SHOWN_ERRORS));
  return scores as readonly unknown[];
}
