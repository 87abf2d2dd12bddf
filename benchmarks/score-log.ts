import type { PartitionKeys } from '#libs/event-log';
import { type NewEvent, packEvent } from '#libs/events';
import type { RedisClient } from '#libs/redis';

/** Events that are sent in one go. */
const BATCH = 5_000;

export interface TimedScore {
  /** When it is appended, in ms since 1970; not before the one before. */
  readonly at: number;
  readonly score: NewEvent<'ScoreSubmitted'>['data'];
}

/** Writes scores into the log past the gateway, as they would have come in over a long time. */
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
    if (batch.length < BATCH) continue;
    await carryOut(batch);
    batch = redis.pipeline();
  }
  await carryOut(batch);
}

async function carryOut(batch: ReturnType<RedisClient['pipeline']>): Promise<void> {
  for (const [error] of (await batch.exec()) ?? []) if (error) throw error;
}

/** Seeded random numbers in [0, 1) (mulberry32): every machine measures the same. */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}
