import { Worker } from 'bullmq';
import { createClient } from '#libs/redis';

/** The same with a work queue: one job per score. ZADD GT is idempotent, so a job can run twice. */
const [, , url = '', queue = ''] = process.argv;

interface Score {
  readonly board: string;
  readonly player: string;
  readonly score: number;
}

const redis = createClient(url, 'bullmq');
await redis.connect();
const worker = new Worker<Score>(
  queue,
  async ({ data: { board, player, score } }) => {
    await redis.zadd(`bullmq:${board}`, 'GT', score, player);
  },
  {
    connection: { url, maxRetriesPerRequest: null },
    concurrency: 100,
    removeOnComplete: { count: 0 },
  },
);
await worker.waitUntilReady();
process.once('disconnect', () => process.exit());
process.send?.('ready');
