import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from './client.js';

/** Submits scores with idempotency keys, and remembers the acknowledged ones. Repeats failed calls. */
export class Writer {
  readonly acknowledged = new Map<string, number>();
  refused = 0;
  private writing: Promise<void> | undefined;
  private stopped = false;

  constructor(
    private readonly client: Client,
    private readonly board: string,
  ) {}

  start(): void {
    this.writing = this.write();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.writing;
  }

  private async write(): Promise<void> {
    for (let i = 0; !this.stopped; i++) {
      const player = `p${i}`;
      const headers = { 'Idempotency-Key': player };
      for (let acknowledged = false; !acknowledged; ) {
        const began = Date.now();
        const answer = await this.client
          .post(`/v1/leaderboards/${this.board}/scores`, { player, score: i }, headers)
          .catch(() => undefined);
        acknowledged = answer?.status === 202;
        if (acknowledged) {
          this.acknowledged.set(player, i);
        } else {
          this.refused += 1;
          if (answer) expect(answer.status).toBe(503);
          expect(Date.now() - began).toBeLessThan(2_500);
          await delay(20);
        }
      }
    }
  }
}
