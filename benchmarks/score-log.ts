import type { PartitionKeys } from '#libs/event-log';
import { type NewEvent, packEvent } from '#libs/events';
import type { RedisClient } from '#libs/redis';

/** Events per pipeline. */
const BATCH_EVENTS = 5_000;

export interface TimedScore {
  /** The time of the event in milliseconds since 1970. Must not decrease. */
  readonly at: number;
  readonly score: NewEvent<'ScoreSubmitted'>['data'];
}

/** Appends scores directly to the log, without the gateway, with the given times. */
export async function appendScores(
  redis: RedisClient,
  { stream }: PartitionKeys,
  scores: Iterable<TimedScore>,
): Promise<void> {
  let batch = redis.pipeline();
  let last = { at: 0, seq: 0 };
  for (const { at, score } of scores) {
    last = { at, seq: at === last.at ? last.seq + 1 : 0 };
    const { e } = packEvent({ type: 'ScoreSubmitted', data: score, actor: { kind: 'server', id: 'bench' } });
    batch.xadd(stream, `${at}-${last.seq}`, 'e', e);
    if (batch.length < BATCH_EVENTS) continue;
    await execute(batch);
    batch = redis.pipeline();
  }
  await execute(batch);
}

async function execute(batch: ReturnType<RedisClient['pipeline']>): Promise<void> {
  for (const [error] of (await batch.exec()) ?? []) if (error) throw error;
}

/** Seeded random numbers in [0, 1) (mulberry32), so that every machine measures the same workload. */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}
