import type { Answer } from './gateways.js';
import type { Random } from './random.js';
import type { World } from './world.js';

/** Reads entries on boards, and judges whether they show what was acknowledged. */
export class EntryReader {
  constructor(
    private readonly world: World,
    private readonly random: Random,
  ) {}

  /**
   * Reads an entry: with If-Applied when there are events that no read has shown, else without.
   *
   * If-Applied promises one event. When an earlier one of the player is missing, each is waited for.
   */
  async check(board: string, player: string): Promise<void> {
    const { model, reads } = this.world;
    const entry = model.entry(board, player);
    const first = this.random.integer(0, 2);
    const [newest] = entry.unseen.slice(-1);
    let answer = await this.read(board, player, first, newest);
    if (answer && entry.unseen.length > 1 && !this.isExpected(board, player, answer)) {
      reads['without an earlier event'] += 1;
      for (const eventId of entry.unseen) answer &&= await this.read(board, player, first, eventId);
    }
    if (!answer) {
      reads.unanswered += 1;
      return;
    }
    reads.verified += 1;
    this.judge(board, player, answer);
  }

  /** @param text a body with a score: an answer of status 200 to a write that waited */
  judgeApplied(board: string, player: string, text: string): void {
    this.world.reads.verified += 1;
    this.judge(board, player, { status: 200, headers: new Headers(), text });
  }

  private read(
    board: string,
    player: string,
    first: number,
    ifApplied: string | undefined,
  ): Promise<Answer | undefined> {
    const headers = ifApplied === undefined ? {} : { 'If-Applied': ifApplied };
    return this.world.gateways.read(
      { path: `/v1/leaderboards/${board}/entries/${player}`, headers, first },
      [200, 404],
    );
  }

  private judge(board: string, player: string, answer: Answer): void {
    const { model, findings } = this.world;
    const entry = model.entry(board, player);
    const right = this.isExpected(board, player, answer);
    const difference = `${player} on ${board}: ${scoreIn(answer)} instead of ${model.expected(board, player).join(' or ')}, after ${entry.unseen.join(', ') || 'nothing new'}`;
    findings.add('reads show every acknowledged write', right ? undefined : difference);
    if (right) entry.unseen = [];
  }

  private isExpected(board: string, player: string, answer: Answer): boolean {
    return this.world.model.expected(board, player).includes(scoreIn(answer));
  }
}

function scoreIn({ status, text }: Answer): number | undefined {
  return status === 200 ? (JSON.parse(text) as { score?: number }).score : undefined;
}
