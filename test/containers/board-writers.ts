import { eventually } from '#libs/testing';
import type { Client } from '../e2e/support/client.js';
import { Writer } from '../e2e/support/writer.js';
import type { ComposeStack } from './compose-stack.js';

/** A writer for each of some boards, and the comparison of the boards with what was acknowledged. */
export class BoardWriters {
  private readonly writers: ReadonlyMap<string, Writer>;

  constructor(
    private readonly stack: ComposeStack,
    boards: readonly string[],
  ) {
    this.writers = new Map(boards.map(board => [board, new Writer(stack.server, board)]));
  }

  start(): void {
    for (const writer of this.writers.values()) writer.start();
  }

  async stop(): Promise<void> {
    await Promise.all([...this.writers.values()].map(writer => writer.stop()));
  }

  /** Calls that had to be repeated. */
  get refused(): number {
    return [...this.writers.values()].reduce((sum, { refused }) => sum + refused, 0);
  }

  /** Waits until each has written so much more. */
  async progress(more: number): Promise<void> {
    const goals = [...this.writers.values()].map(writer => ({
      writer,
      goal: writer.acknowledged.size + more,
    }));
    await eventually(() => {
      for (const { writer, goal } of goals) expect(writer.acknowledged.size).toBeGreaterThanOrEqual(goal);
    }, 60_000);
  }

  /** Waits until the boards are what was acknowledged, once. */
  async expectExact(): Promise<void> {
    const client = this.stack.server;
    for (const [board, { acknowledged }] of this.writers)
      await eventually(async () => expect(await entries(client, board)).toEqual(acknowledged), 30_000, 200);
  }
}

/** Every entry of a board, page by page. */
async function entries(client: Client, board: string): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  for (let cursor = ''; ; ) {
    const { body } = await client.get(`/v1/leaderboards/${board}/entries?limit=1000${cursor}`);
    for (const { player, score } of body.entries) found.set(player, score);
    if (body.next === undefined) return found;
    cursor = `&cursor=${encodeURIComponent(body.next)}`;
  }
}
