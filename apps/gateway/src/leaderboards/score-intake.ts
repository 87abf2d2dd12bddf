import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import {
  type Appended,
  type AppendOptions,
  type BatchItem,
  BoardCatalog,
  definedBy,
  type Envelope,
  EventLog,
} from '#libs/event-log';
import type { Actor } from '#libs/events';
import { DefinitionChangedError, NotReplayedError, TooSoonError } from '#libs/redis';
import { Problem } from '../http/problem.js';
import { scoresRefusedTotal } from './metrics.js';
import { refusalOf, type Score, tooSoon } from './score-rules.js';

/** A board may be defined anew between judging and appending, this often in a row. */
const ATTEMPTS = 5;
/** Milliseconds after which a shard that had not heard of a definition is asked again, and twice as many the next time. */
const PATIENCE = 10;

/** A score that is not decided yet. */
interface Open {
  readonly index: number;
  readonly score: Score;
}

/**
 * Takes scores: judges each by what is remembered of its board, and appends it on condition that the log knows no
 * other definition. So an accepted score costs one round trip, however many gateways and definitions there are.
 */
@Injectable()
export class ScoreIntake {
  constructor(
    private readonly log: EventLog,
    private readonly catalog: BoardCatalog,
  ) {}

  /** @throws what kept it out */
  async submit(score: Score, { actor, idempotencyKey, trace }: Envelope): Promise<Appended> {
    const submitted = { ...score, ...(idempotencyKey !== undefined && { idempotencyKey }) };
    const [outcome] = await this.submitAll([submitted], actor, trace);
    if (!outcome || outcome instanceof Error) throw outcome;
    return outcome;
  }

  /**
   * Submits scores, those of one board in their order, each for itself.
   *
   * @param scores what is a problem already stays that
   * @returns for each, in their order, the event, or why there is none
   */
  async submitAll(
    scores: readonly (Score | Problem)[],
    caller: Actor,
    trace?: string,
  ): Promise<(Appended | Error)[]> {
    const outcomes: (Appended | Error)[] = [];
    let open: Open[] = [];
    for (const [index, score] of scores.entries()) {
      if (score instanceof Problem) outcomes[index] = score;
      else open.push({ index, score });
    }
    for (let attempt = 1; open.length > 0; attempt++) {
      if (attempt === 1) await this.refresh(open, caller);
      const results = await this.attempt(open, caller, trace);
      const again: Open[] = [];
      const changed = new Map<string, string>();
      for (const [i, { index, score }] of open.entries()) {
        const result = results[i] as Appended | Error;
        outcomes[index] = decide(score, result);
        if (!(result instanceof DefinitionChangedError)) continue;
        changed.set(score.board, result.text);
        again.push({ index, score });
      }
      const isBehind = await this.correct(changed);
      if (attempt === ATTEMPTS) break;
      if (isBehind) await delay(PATIENCE * 2 ** attempt);
      open = again;
    }
    return outcomes;
  }

  /**
   * Remembers what the log says of the boards. Of a board with shards only its own partition knows what it is now.
   *
   * @returns whether a shard has not heard yet of what that partition says
   */
  private async correct(changed: ReadonlyMap<string, string>): Promise<boolean> {
    const areBehind = await Promise.all(
      [...changed].map(async ([board, text]) => {
        const before = this.catalog.recall(board);
        if (before.definition.shards !== undefined)
          return definedBy(await this.catalog.find(board)) === definedBy(before);
        this.catalog.correct(board, text);
        return false;
      }),
    );
    return areBehind.some(Boolean);
  }

  /** What is remembered can be old: nobody is refused by it without a look at what the board is now. */
  private async refresh(open: readonly Open[], caller: Actor): Promise<void> {
    const boards = new Set<string>();
    for (const { score } of open) if (this.judge(score, caller).refusal) boards.add(score.board);
    await Promise.all([...boards].map(board => this.catalog.find(board)));
  }

  /** A refused score that was accepted before, under its idempotency key, still gets its first answer. */
  private async attempt(
    open: readonly Open[],
    caller: Actor,
    trace: string | undefined,
  ): Promise<(Appended | Error)[]> {
    const judged = open.map(({ score }) => ({ score, ...this.judge(score, caller) }));
    const asked = judged.filter(({ score, refusal }) => !refusal || score.idempotencyKey !== undefined);
    const items = asked.map(({ score, options }) => itemOf(score, options, caller, trace));
    const answers = (await this.log.appendAll(items)).values();
    return judged.map(({ score, refusal }) => {
      if (refusal && score.idempotencyKey === undefined) return refusal;
      const answer = answers.next().value as Appended | Error;
      return refusal && answer instanceof NotReplayedError ? refusal : answer;
    });
  }

  /** By what is remembered: why the score is refused, if it is, and on which conditions it may be appended. */
  private judge(score: Score, caller: Actor): { refusal: Problem | undefined; options: AppendOptions } {
    const known = this.catalog.recall(score.board);
    const refusal = refusalOf(score, known.definition, caller);
    const { shards } = known.definition;
    const place = shards !== undefined && { shards };
    if (refusal) return { refusal, options: { replayOnly: true, ...place } };
    const { minInterval } = known.definition;
    const interval = minInterval !== undefined && { minInterval: 1_000 * minInterval };
    return { refusal, options: { definedBy: definedBy(known), ...place, ...interval } };
  }
}

function itemOf(
  { idempotencyKey, ...data }: Score,
  options: AppendOptions,
  caller: Actor,
  trace: string | undefined,
): BatchItem<'ScoreSubmitted'> {
  const event = {
    type: 'ScoreSubmitted' as const,
    data,
    actor: caller,
    ...(trace !== undefined && { trace }),
    ...(idempotencyKey !== undefined && { idempotencyKey }),
  };
  return { event, options };
}

/** The answer to a score, and its count when it was refused. */
function decide(score: Score, result: Appended | Error): Appended | Error {
  const outcome = result instanceof TooSoonError ? tooSoon(score, result.left) : result;
  if (outcome instanceof Problem) scoresRefusedTotal.inc({ reason: outcome.problem.code ?? 'other' });
  return outcome;
}
