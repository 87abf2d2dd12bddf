import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import {
  type Appended,
  type AppendOptions,
  type BatchItem,
  DefinitionChangedError,
  EventLog,
  NoSuchBoardError,
  NotReplayedError,
  QuotaExceededError,
  TooSoonError,
} from '#libs/event-log';
import type { Actor } from '#libs/events';
import { BoardCatalog, definitionIdOf, type Envelope } from '#libs/leaderboards';
import { Problem } from '../http/problem.js';
import { scoresRefusedTotal } from './metrics.js';
import { PlayerBoardQuota } from './player-board-quota.js';
import { refusalOf, type Score, tooSoon } from './score-rules.js';

/** How often a score is checked again because its board was redefined meanwhile. */
const ATTEMPTS = 5;
/** The first pause before a shard is asked again that did not know the definition yet. It doubles each time. */
const RETRY_DELAY_MS = 10;

/** Whether the first score creates a board that is not defined. */
export class BoardCreation {
  constructor(readonly isAllowed: boolean) {}
}

/** A score that was neither accepted nor refused yet. */
interface Undecided {
  readonly index: number;
  readonly score: Score;
}

/**
 * Accepts or refuses scores. Each is checked against the cached definition of its board, and appended on the condition that the
 * log has no other definition. So an accepted score costs one round trip.
 */
@Injectable()
export class ScoreSubmitter {
  constructor(
    private readonly log: EventLog,
    private readonly catalog: BoardCatalog,
    private readonly boards: PlayerBoardQuota,
    private readonly creation: BoardCreation,
  ) {}

  /**
   * @param creation overrides the setting `BOARDS`
   * @throws the error or problem that refused the score
   */
  async submit(
    score: Score,
    { actor, idempotencyKey, trace }: Envelope,
    creation?: BoardCreation,
  ): Promise<Appended> {
    const submitted = { ...score, ...(idempotencyKey !== undefined && { idempotencyKey }) };
    const [outcome] = await this.submitAll([submitted], actor, trace, creation);
    if (!outcome || outcome instanceof Error) throw outcome;
    return outcome;
  }

  /**
   * Submits each score independently. Scores of one board are appended in their order.
   *
   * @param scores a problem in this list is returned as it is
   * @returns for each score, in order, its event or its error
   */
  async submitAll(
    scores: readonly (Score | Problem)[],
    caller: Actor,
    trace?: string,
    creation = this.creation,
  ): Promise<(Appended | Error)[]> {
    const outcomes: (Appended | Error)[] = [];
    let undecided: Undecided[] = [];
    for (const [index, score] of scores.entries()) {
      if (score instanceof Problem) outcomes[index] = score;
      else undecided.push({ index, score });
    }
    for (let attempt = 1; undecided.length > 0; attempt++) {
      if (attempt === 1) await this.refreshDefinitions(undecided, caller);
      const results = await this.attempt(undecided, caller, trace, creation);
      const again: Undecided[] = [];
      const changed = new Map<string, string>();
      for (const [i, { index, score }] of undecided.entries()) {
        const result = results[i] as Appended | Error;
        outcomes[index] = outcomeOf(score, result);
        if (!(result instanceof DefinitionChangedError)) continue;
        changed.set(score.board, result.text);
        again.push({ index, score });
      }
      const isBehind = await this.updateDefinitions(changed);
      if (attempt === ATTEMPTS) break;
      if (isBehind) await delay(RETRY_DELAY_MS * 2 ** attempt);
      undecided = again;
    }
    return outcomes;
  }

  /**
   * Updates the cache with the definitions that the log answered. For a board with shards, only its home partition has the current
   * definition.
   *
   * @returns whether a shard does not have its board's current definition yet
   */
  private async updateDefinitions(changed: ReadonlyMap<string, string>): Promise<boolean> {
    const areBehind = await Promise.all(
      [...changed].map(async ([board, text]) => {
        const before = this.catalog.cachedOrDefault(board);
        if (before.definition.shards !== undefined)
          return definitionIdOf(await this.catalog.find(board)) === definitionIdOf(before);
        this.catalog.correct(board, text);
        return false;
      }),
    );
    return areBehind.some(Boolean);
  }

  /** The cache can be old, so the definition is read again before a score is refused. */
  private async refreshDefinitions(undecided: readonly Undecided[], caller: Actor): Promise<void> {
    const boards = new Set<string>();
    for (const { score } of undecided) if (this.check(score, caller).refusal) boards.add(score.board);
    await Promise.all([...boards].map(board => this.catalog.find(board)));
  }

  /** A refused score whose idempotency key was accepted before gets its first answer. */
  private async attempt(
    undecided: readonly Undecided[],
    caller: Actor,
    trace: string | undefined,
    { isAllowed }: BoardCreation,
  ): Promise<(Appended | Error)[]> {
    const checked = undecided.map(({ score }) => ({ score, ...this.check(score, caller) }));
    const counted = await this.countBoards(checked, caller);
    const refusalTo = ({ score, refusal }: CheckedScore) => refusal ?? counted.refused.get(score.board);
    const asked = checked.filter(one => !refusalTo(one) || one.score.idempotencyKey !== undefined);
    const items = asked.map(one => {
      const options = { ...one.options, ...(refusalTo(one) && { replayOnly: true }) };
      return itemOf(one.score, isAllowed ? options : { ...options, existingBoard: true }, caller, trace);
    });
    const answers = (await this.log.appendAll(items)).values();
    const results = checked.map(one => {
      const refusal = refusalTo(one);
      if (refusal && one.score.idempotencyKey === undefined) return refusal;
      const answer = answers.next().value as Appended | Error;
      return refusal && answer instanceof NotReplayedError ? refusal : answer;
    });
    await this.uncountBoards(checked, results, counted.added, caller);
    return results;
  }

  /** Counts the boards of a player, except those of refused scores. The boards of keys are not limited. */
  private async countBoards(checked: readonly CheckedScore[], { kind, id }: Actor) {
    const refused = new Map<string, Error>();
    const added = new Set<string>();
    if (kind !== 'player') return { refused, added };
    const boards = new Set(checked.flatMap(({ score, refusal }) => (refusal ? [] : [score.board])));
    for (const board of boards) {
      try {
        if (await this.boards.add(id, board)) added.add(board);
      } catch (error) {
        refused.set(board, error as Error);
      }
    }
    return { refused, added };
  }

  /** Takes back the count of boards that turned out not to exist. */
  private async uncountBoards(
    checked: readonly CheckedScore[],
    results: readonly (Appended | Error)[],
    added: ReadonlySet<string>,
    { id }: Actor,
  ): Promise<void> {
    if (added.size === 0) return;
    for (const [i, { score }] of checked.entries())
      if (results[i] instanceof NoSuchBoardError && added.has(score.board))
        await this.boards.remove(id, score.board);
  }

  /** Checks a score against the cached definition. */
  private check(score: Score, caller: Actor): { refusal: Problem | undefined; options: AppendOptions } {
    const known = this.catalog.cachedOrDefault(score.board);
    const refusal = refusalOf(score, known.definition, caller);
    const { shards } = known.definition;
    const place = shards !== undefined && { shards };
    if (refusal) return { refusal, options: { replayOnly: true, ...place } };
    const { minInterval } = known.definition;
    const interval = minInterval !== undefined && { minInterval: 1_000 * minInterval };
    return { refusal, options: { definedBy: definitionIdOf(known), ...place, ...interval } };
  }
}

/** A checked score: why it is refused, if it is, and the conditions for appending it. */
interface CheckedScore {
  readonly score: Score;
  readonly refusal: Problem | undefined;
  readonly options: AppendOptions;
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

/** The outcome for the caller. Refusals are counted in the metrics. */
function outcomeOf(score: Score, result: Appended | Error): Appended | Error {
  const outcome = result instanceof TooSoonError ? tooSoon(score, result.left) : result;
  if (outcome instanceof NoSuchBoardError || outcome instanceof QuotaExceededError)
    scoresRefusedTotal.inc({ reason: outcome.code.toLowerCase().replaceAll('_', '-') });
  if (outcome instanceof Problem) scoresRefusedTotal.inc({ reason: outcome.problem.code ?? 'other' });
  return outcome;
}
