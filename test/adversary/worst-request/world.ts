import type { Client } from '../../e2e/support/client.js';
import type { Guest, System } from '../../e2e/support/system.js';
import { hostileValues } from './hostile-text.js';

/** Bytes of a save; a little of the limit is left for what is around it. */
const SAVE_BYTES = 255 * 1024;
const PLAYERS = 1_000;
/** Scores with so large attributes that fit into one list. */
const LISTED = 75;

/** What is there before the search begins: as heavy as players, servers and operators can make it. */
export interface World {
  readonly guest: Guest;
  /** Slots with saves that are hard to read, by what is hard about them. */
  readonly slots: Readonly<Record<string, string>>;
}

/** Twelve kilobytes. */
export const HEAVY_ATTRIBUTES = Object.fromEntries(
  Array.from({ length: 16 }, (_, i) => [`attribute${i}`, '\u4e16'.repeat(256)]),
);

export const playerAt = (i: number) => `heavy${i}`;

export async function prepareWorld(system: System): Promise<World> {
  const { client: server, admin } = system;
  const guest = await system.guest();
  await ok(admin.put('/v1/leaderboards/heavy', {}));
  await ok(admin.put('/v1/leaderboards/even', { shards: 4 }));
  await fillBoards(server);
  await fillProfiles(server);
  await fillDocuments(system);
  const filter = Object.fromEntries(
    Array.from({ length: 16 }, (_, i) => [
      `a${i}`,
      Array.from({ length: 8 }, (_, j) => `${j}`.padEnd(56, 'x')),
    ]),
  );
  for (let i = 0; i < 200; i++) await ok(admin.put(`/v1/leaderboards/filtered${i}`, { filter }));
  return { guest, slots: await fillSlots(server, guest) };
}

async function fillBoards(server: Client): Promise<void> {
  for (let from = 0; from < PLAYERS; from += LISTED) {
    const scores = Array.from({ length: Math.min(LISTED, PLAYERS - from) }, (_, i) => {
      return { board: 'heavy', player: playerAt(from + i), score: 1, attributes: HEAVY_ATTRIBUTES };
    });
    await ok(server.post('/v1/scores', { scores }, { Prefer: 'wait=10' }));
  }
  const even = Array.from({ length: PLAYERS }, (_, i) => ({ board: 'even', player: playerAt(i), score: 1 }));
  await ok(server.post('/v1/scores', { scores: even }, { Prefer: 'wait=10' }));
  const boards = Array.from({ length: 200 }, (_, i) => ({ board: `b${i}`, player: 'busy', score: i }));
  await ok(server.post('/v1/scores', { scores: boards }, { Prefer: 'wait=10' }));
}

async function fillProfiles(server: Client): Promise<void> {
  for (let i = 0; i < 100; i++) {
    const profile = { name: `Hero ${i}`, avatar: '\u4e16'.repeat(500), bio: '\u4e16'.repeat(1_900) };
    await ok(server.send('PATCH', `/v1/players/${playerAt(i)}`, profile));
  }
}

async function fillDocuments(system: System): Promise<void> {
  for (let i = 0; i < 18; i++) {
    const { playerId, client } = await system.guest();
    const playerData = { id: playerId, name: words(64), text: '"'.repeat(120_000) };
    await ok(client.post('/api/playerstate', { playerData }));
  }
}

export const words = (count: number) => Array.from({ length: count }, (_, i) => `w${i}`).join(' ');

async function fillSlots(server: Client, { playerId }: Guest): Promise<Record<string, string>> {
  const slots: Record<string, string> = {};
  for (const [i, { what, text }] of hostileValues(SAVE_BYTES).entries()) {
    const slot = `s${i}`;
    const { status } = await server.put(`/v1/players/${playerId}/saves/${slot}`, `{"a":${text}}`, {
      Prefer: 'wait=10',
    });
    if (status === 200) slots[slot] = what;
  }
  return slots;
}

async function ok(answer: ReturnType<Client['send']>): Promise<void> {
  const { status, text } = await answer;
  if (status < 200 || status > 202)
    throw new Error(`the world cannot be prepared: ${status} ${text.slice(0, 500)}`);
}
