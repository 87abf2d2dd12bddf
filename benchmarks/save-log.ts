import type { PartitionKeys } from '#libs/event-log';
import { packEvent } from '#libs/events';
import type { RedisClient } from '#libs/redis';
import { random } from './score-log.js';

const SLOTS = ['autosave', 'campaign', 'settings'];
/** Saves per pipeline. */
const BATCH_SAVES = 2_000;

/** A document of about a kilobyte. */
export const documentOf = (level: number) =>
  JSON.stringify({
    level,
    position: { x: level * 3.5, y: 12.25, map: `region-${level % 40}` },
    inventory: Array.from({ length: 24 }, (_, i) => ({ item: `item-${(level + i) % 300}`, count: i })),
    flags: { tutorial: true, boss: level > 20 },
  });

/** Appends saves directly to the log, without the gateway, each with its version. */
export async function appendSaves(
  redis: RedisClient,
  { stream }: PartitionKeys,
  players: number,
  count: number,
): Promise<void> {
  const next = random(1);
  const versions = new Map<string, number>();
  let batch = redis.pipeline();
  for (let i = 1; i <= count; i++) {
    const player = `player-${100_000 + Math.floor(next() * players)}`;
    const slot = SLOTS[Math.floor(next() * SLOTS.length)] ?? 'autosave';
    const key = `${player}/${slot}`;
    const version = (versions.get(key) ?? 0) + 1;
    versions.set(key, version);
    const data = { player, slot, document: documentOf(version) };
    const { e, d = '' } = packEvent({ type: 'SaveWritten', data, actor: { kind: 'player', id: player } });
    batch.xadd(stream, '*', 'e', e, 'd', d, 'v', version);
    if (i % BATCH_SAVES !== 0 && i < count) continue;
    for (const [error] of (await batch.exec()) ?? []) if (error) throw error;
    batch = redis.pipeline();
  }
}
