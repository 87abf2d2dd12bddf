import { eventually } from '#libs/testing';
import type { Answer, Client } from '../e2e/support/client.js';
import { Comparison, type Scene } from './comparison.js';
import type { Lane } from './lane.js';
import { nextPeriod } from './naive-calendar.js';
import { type Definition, type Happening, NaiveLeaderboards, type Placed } from './naive-leaderboards.js';
import {
  BOARDS,
  type DefinitionPlan,
  type Later,
  type Scenario,
  type ScorePlan,
  type Step,
} from './scenario.js';
import { type Call, Transcript } from './transcript.js';

/** Milliseconds in which what was accepted must take effect: a board with scores is rebuilt first. */
const EFFECT = 60_000;

/** Ids begin with all that they may, so that their bytes are in another order than letters in a dictionary. */
const PLAYERS = ['ada', 'Zoe', '9th', 'a-b', 'a_b', 'a:b'];

/** A page that there is another one of. */
interface Bookmark {
  readonly board: string;
  readonly period: string;
  readonly place: Placed;
  readonly cursor: string;
}

/** Lets a scenario happen, to the system and to the model, and compares them. */
export class ScenarioRun {
  private readonly model = new NaiveLeaderboards();
  readonly transcript = new Transcript();
  private readonly comparison: Comparison;
  private readonly boards: readonly string[];
  private readonly players: readonly string[];
  /** What was accepted and may not have taken effect yet. */
  private pending: string[] = [];
  private bookmark: Bookmark | undefined;

  constructor(
    private readonly lane: Lane,
    private readonly scenario: Scenario,
  ) {
    const run = lane.nextRun();
    this.boards = Array.from({ length: BOARDS }, (_, i) =>
      lane.board(`${'abcd'[i]}-${run}`, scenario.partitions[i] ?? 0),
    );
    this.players = PLAYERS.map(player => `${player}-${run}`);
    this.comparison = new Comparison(lane.system.server, this.model, this.transcript);
  }

  /**
   * @returns the boards that there are in the end
   * @throws Error at a difference
   */
  async perform(): Promise<string[]> {
    await this.lane.moveInto(this.scenario.start);
    this.noteTime();
    for (const step of this.scenario.steps) await this.take(step);
    await this.comparison.comparePlayer(this.scene);
    return this.boards.filter(board => this.model.exists(board));
  }

  private async take(step: Step): Promise<void> {
    switch (step.do) {
      case 'submit':
        return this.submit(step.score, step.wait);
      case 'submit all':
        return this.submitAll(step.scores, step.wait);
      case 'define':
        return this.define(this.board(step.board), this.definition(step), step.wait);
      case 'remove':
        return this.remove(this.board(step.board), step.wait);
      case 'revoke':
        return this.revoke(this.board(step.board), this.player(step.player), step.wait);
      case 'ban':
      case 'unban':
        return this.moderate(step.do, this.player(step.player), step.wait);
      case 'let time pass':
        return this.letTimePass(step.later);
      case 'turn the page':
        return this.turnThePage(this.board(step.board), step.limit);
      case 'look':
        await this.settle();
        return this.comparison.compareAll(this.scene, step);
    }
  }

  private async submit(plan: ScorePlan, wait: boolean): Promise<void> {
    const { board, ...score } = this.score(plan);
    const path = `/v1/leaderboards/${board}/scores`;
    const refusal = this.model.refusalOfScore({ board, ...score });
    // Until an earlier definition has taken effect, the answer is by the one before.
    const isSettled = this.pending.length === 0;
    const happening = { what: 'score', at: this.lane.now, board, ...score } as const;
    const answer = await this.write(
      this.lane.system.server,
      { method: 'POST', path, body: score },
      wait,
      refusal,
    );
    if (refusal !== undefined) return;
    this.happened({ ...happening, seq: seqOf(answer.body) }, answer);
    if (answer.status !== 200 || !isSettled) return;
    const standings = this.model.standings(board, 'current', this.lane.now);
    const line =
      typeof standings === 'object' && standings.lines.find(({ player }) => player === score.player);
    const { rank, score: total, player } = answer.body;
    expect({ player, ...(line && { rank, score: total }) }).toEqual({
      player: score.player,
      ...(line && { rank: line.rank, score: line.score }),
    });
    if (!line) expect(answer.body).not.toHaveProperty('rank');
  }

  private async submitAll(plans: readonly ScorePlan[], wait: boolean): Promise<void> {
    const scores = plans.map(plan => this.score(plan));
    const call = { method: 'POST', path: '/v1/scores', body: { scores } } as const;
    const answer = await this.write(this.lane.system.server, call, wait, undefined);
    const results = answer.body.results as { status?: number | string; eventId?: string }[];
    const expected = scores.map((score, i) => {
      const refusal = this.model.refusalOfScore(score);
      const seq = seqOf(results[i]);
      if (refusal === undefined) this.model.history.push({ what: 'score', at: this.lane.now, seq, ...score });
      return refusal;
    });
    const statuses = results.map(({ status, eventId }) => (eventId === undefined ? status : undefined));
    expect(statuses).toEqual(expected);
    this.pending.push(...results.flatMap(({ eventId }) => eventId ?? []));
  }

  private async define(board: string, definition: Definition, wait: boolean): Promise<void> {
    const refusal = this.model.refusalOfDefinition(board, definition);
    const call = { method: 'PUT', path: `/v1/leaderboards/${board}`, body: definition } as const;
    const answer = await this.write(this.lane.system.admin, call, wait, refusal);
    if (refusal === undefined) this.happened({ what: 'definition', board, definition }, answer);
  }

  private async remove(board: string, wait: boolean): Promise<void> {
    const refusal = this.model.refusalOfRemoval(board);
    // Whether there is a board that nobody has defined is what a read says.
    await this.settle();
    const call = { method: 'DELETE', path: `/v1/leaderboards/${board}` } as const;
    const answer = await this.write(this.lane.system.admin, call, wait, refusal);
    if (refusal === undefined) this.happened({ what: 'removal', board }, answer);
  }

  private async revoke(board: string, player: string, wait: boolean): Promise<void> {
    const refusal = this.model.refusalOfRevocation(board);
    const call = { method: 'DELETE', path: `/v1/leaderboards/${board}/entries/${player}` } as const;
    const answer = await this.write(this.lane.system.admin, call, wait, refusal);
    if (refusal === undefined) this.happened({ what: 'revocation', board, player }, answer);
  }

  private async moderate(what: 'ban' | 'unban', player: string, wait: boolean): Promise<void> {
    const call = { method: what === 'ban' ? 'PUT' : 'DELETE', path: `/v1/players/${player}/ban` } as const;
    this.happened({ what, player }, await this.write(this.lane.system.admin, call, wait, undefined));
  }

  private async letTimePass(later: Later): Promise<void> {
    await this.lane.moveTo(this.lane.now + this.delay(later));
    this.noteTime();
  }

  private delay(later: Later): number {
    if (typeof later === 'number') return later;
    const { reset = 'daily', timezone = 'UTC' } =
      'of' in later ? this.model.definitionOf(this.board(later.of)) : later;
    return nextPeriod(this.lane.now, reset, timezone) - this.lane.now + later.offset;
  }

  /** Reads the first page, or, of a page that was read before and whatever happened since, the next. */
  private async turnThePage(board: string, limit: number): Promise<void> {
    await this.settle();
    const { now } = this.lane;
    if (this.bookmark) {
      const { board: other, period, place, cursor } = this.bookmark;
      const next = await this.comparison.comparePageBehind(other, period, place, cursor, limit, now);
      this.bookmark = next?.place && { ...this.bookmark, place: next.place, cursor: next.cursor };
      return;
    }
    const standings = this.model.standings(board, 'current', now);
    const path = `/v1/leaderboards/${board}/entries?limit=${limit}`;
    const { body } = await this.transcript.write(this.lane.system.server, { method: 'GET', path });
    const place = typeof standings === 'object' && standings.lines[limit - 1];
    if (place && body.next) this.bookmark = { board, period: body.period, place, cursor: body.next };
  }

  private async write(
    client: Client,
    call: Call,
    wait: boolean,
    refusal: number | undefined,
  ): Promise<Answer> {
    const headers = wait ? { headers: { Prefer: 'wait=10' } } : {};
    const answer = await this.transcript.write(client, { ...call, ...headers });
    expect(refusal === undefined ? [200, 202] : [refusal]).toContain(answer.status);
    return answer;
  }

  private happened(happening: Happening, { status, body }: Answer): void {
    this.model.history.push(happening);
    if (status === 202) this.pending.push(body.eventId);
    // Under another definition, a position by score is another.
    const isDefined = happening.what === 'definition' || happening.what === 'removal';
    if (isDefined && happening.board === this.bookmark?.board) this.bookmark = undefined;
  }

  /** Waits until everything has taken effect. */
  private async settle(): Promise<void> {
    const path = `/v1/leaderboards/${this.boards[0]}/entries?limit=1`;
    const { server } = this.lane.system;
    await Promise.all(
      this.pending.map(eventId =>
        eventually(
          async () => expect((await server.get(path, { 'If-Applied': eventId })).status).toBe(200),
          EFFECT,
        ),
      ),
    );
    this.pending = [];
  }

  private get scene(): Scene {
    return { boards: this.boards, players: this.players, now: this.lane.now };
  }

  private noteTime(): void {
    this.transcript.note(`it is ${new Date(this.lane.now).toISOString()}`);
  }

  private score({ board, player, ...score }: ScorePlan) {
    return { board: this.board(board), player: this.player(player), ...score };
  }

  private definition({ board, definition }: { board: number; definition: DefinitionPlan }): Definition {
    const { source, shards: planned, ...plan } = definition;
    // What has a source or dense ranks has no shards of its own, unless it is to be refused.
    const own = source === undefined && plan.ranking !== 'dense' ? this.scenario.shards[board] : undefined;
    const shards = planned === 'own' ? own : planned;
    return {
      ...plan,
      ...(source !== undefined && { source: this.board(source) }),
      ...(shards !== undefined && { shards }),
    };
  }

  private board(number: number): string {
    return this.boards[number] ?? '';
  }

  private player(number: number): string {
    return this.players[number] ?? '';
  }
}

/** Which an event is of those of its millisecond. Equal scores of one millisecond, in two shards, stand by that. */
const seqOf = ({ eventId = '' }: { eventId?: string } = {}) => Number(eventId.split('-').at(-1));
