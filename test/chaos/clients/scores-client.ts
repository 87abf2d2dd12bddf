import { OPERATORS, ORDERS } from '#libs/events';
import { EntryReader } from '../entry-reader.js';
import type { Request } from '../gateways.js';
import type { BoardRules } from '../model.js';
import type { Random } from '../random.js';
import type { World } from '../world.js';
import { accepted, eventIdOf, type Sender } from './sender.js';

/** Of all writes, how many are read back at once. */
const READ_BACK = 0.25;
/** Of all scores, how many ask to wait for the projections. */
const WAITING = 0.1;
const WAIT_SECONDS = 5;
/** Of a client's players, how many are banned at a time. */
const BANNED = 0.1;

/** What one client does to scores: it alone writes for its players, one call after the other. */
export class ScoresClient {
  private readonly reader: EntryReader;

  constructor(
    private readonly world: World,
    private readonly players: readonly string[],
    private readonly sender: Sender,
    private readonly random: Random,
  ) {
    this.reader = new EntryReader(world, random);
  }

  async submit(): Promise<void> {
    const [board, player] = [this.board(), this.random.pick(this.players)];
    // Quarters: their sums are exact in doubles, and yet no integers.
    const score = this.random.integer(-40_000, 400_000) / 4;
    const waiting = this.random.chance(WAITING);
    const readBack = this.random.chance(READ_BACK);
    const entry = this.world.model.entry(board, player);
    const answer = await this.sender.send({
      method: 'POST',
      path: `/v1/leaderboards/${board}/scores`,
      body: JSON.stringify({ player, score }),
      ...(waiting && { wait: WAIT_SECONDS }),
    });
    if (!accepted(answer)) return;
    const nothingElseUnseen = entry.unseen.length === 0;
    this.world.model.scored(eventIdOf(answer), board, player, score);
    if (answer.status === 200 && nothingElseUnseen) this.reader.judgeApplied(board, player, answer.text);
    if (readBack) await this.reader.check(board, player);
  }

  /** Reads an entry that was written some time ago. */
  async look(): Promise<void> {
    const [board, player] = [this.board(), this.random.pick(this.players)];
    await this.reader.check(board, player);
  }

  async revoke(): Promise<void> {
    const [board, player] = [this.board(), this.random.pick(this.players)];
    const readBack = this.random.chance(READ_BACK);
    if (!this.world.model.entry(board, player).tally) return;
    const path = `/v1/leaderboards/${board}/entries/${player}`;
    const eventId = await this.command({ method: 'DELETE', path });
    if (eventId === undefined) return;
    this.world.model.revoked(eventId, board, player);
    if (readBack) await this.reader.check(board, player);
  }

  /** Bans a player, or lifts a ban. */
  async moderate(): Promise<void> {
    const { model } = this.world;
    const board = this.board();
    const banned = this.players.filter(player => model.banned.has(player));
    const full = banned.length >= Math.max(1, BANNED * this.players.length);
    const player = this.random.pick(full ? banned : this.players);
    const ban = !model.banned.has(player);
    const path = `/v1/players/${player}/ban`;
    const eventId = await this.command({ method: ban ? 'PUT' : 'DELETE', path });
    if (eventId === undefined) return;
    model.moderated(eventId, player, ban);
    await this.reader.check(board, player);
  }

  async redefine(board: string): Promise<void> {
    const rules: BoardRules = { order: this.random.pick(ORDERS), operator: this.random.pick(OPERATORS) };
    this.world.model.defining(board, rules);
    const path = `/v1/leaderboards/${board}`;
    const eventId = await this.command({ method: 'PUT', path, body: JSON.stringify(rules) });
    if (eventId !== undefined) this.world.model.defined(eventId, board, rules);
  }

  /** @returns the event's id when the command was accepted */
  private async command(request: Request): Promise<string | undefined> {
    const answer = await this.sender.send(request, [200, 202], 'admin');
    return accepted(answer) ? eventIdOf(answer) : undefined;
  }

  private board(): string {
    return this.random.pick([...this.world.model.boards.keys()]);
  }
}
