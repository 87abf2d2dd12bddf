import { Inject, Injectable } from '@nestjs/common';
import { type Appended, formatEventRef } from '#libs/event-log';
import { type Actor, compareEventIds } from '#libs/events';
import { LeaderboardReader } from '#libs/leaderboards';
import { Logger } from '#libs/observability';
import { isRedisUnavailable } from '#libs/redis';
import { toProblem } from '../http/problem.filter.js';
import { type ProblemBody, SHOWN_ERRORS } from '../http/problem.js';
import { withValue } from '../http/validation/field-rules.js';
import { invalid, unknownField } from '../http/validation/validation.js';
import type { Change } from '../http/writes/write-responder.js';
import { readItem } from './score-item.js';
import type { Score } from './score-rules.js';
import { ScoreSubmitter } from './score-submitter.js';
import { MAX_SCORES, type ScoreResults, type ScoreTaken } from './scores.dto.js';

/** Submits scores, and builds the answers. */
@Injectable()
export class ScoresService {
  constructor(
    private readonly submitter: ScoreSubmitter,
    private readonly leaderboards: LeaderboardReader,
    @Inject(Logger) private readonly logger: Logger,
  ) {}

  /** @param isAwaited whether the result will be asked for: only then is the rank before the score read */
  change(score: Score, isAwaited: boolean): Change<object> {
    const { board, player } = score;
    let previousRank: number | undefined;
    return {
      append: async envelope => {
        if (isAwaited) previousRank = (await this.entryOf(board, player))?.rank;
        return this.submitter.submit(score, envelope);
      },
      result: async ({ ref }) => {
        const entry = await this.entryOf(board, player);
        return {
          board,
          player,
          rank: entry?.rank,
          ...(previousRank !== undefined && { previousRank }),
          score: entry?.score,
          improved: entry !== undefined && compareEventIds(entry.run, ref.id) === 0,
        };
      },
    };
  }

  /**
   * @returns for each score of the list, in its order, the event, or why there is none
   * @throws Problem 400 when there is no list to go through, 503 when Redis was away for all that could be appended
   */
  async submitAll(body: unknown, caller: Actor, trace: string | undefined): Promise<(Appended | Error)[]> {
    const read = listFrom(body).map((value, i) => readItem(value, caller, `scores[${i}]`));
    const outcomes = await this.submitter.submitAll(read, caller, trace);
    const away = outcomes.find(isRedisUnavailable);
    if (away && outcomes.every(outcome => outcome instanceof Error)) throw away;
    return outcomes;
  }

  results(outcomes: readonly (Appended | Error)[], isApplied: boolean): ScoreResults {
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

  private async entryOf(board: string, player: string) {
    const { entries } = await this.leaderboards.lookup(board, [player]);
    return entries[0];
  }
}

/** The cost of a list of scores for the rate limit. It is needed before the body is validated: anything else costs 1. */
export function scoresIn(body: unknown): number {
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
