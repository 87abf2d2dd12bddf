import { Topology } from '#libs/event-log';
import type { RedisClient } from '#libs/redis';
import { prepareDocuments } from './document-choice.js';

describe('documents on a server that says that it knows JSON', () => {
  /** Says yes to all, and fails, or finds nothing. */
  const server = (search: () => unknown) => {
    const chosen: unknown[] = [];
    const redis = {
      options: {},
      info: async () => 'redis_version:8.2.0\r\nredis_mode:standalone\r\n',
      command: async () => [[], [], [], []],
      call: async (command: string) => (command === 'FT.SEARCH' ? search() : 'OK'),
      eval: async () => 'OK',
      evalsha: async (_sha: string, _count: number, ...values: string[]) => {
        const store = values.at(-1);
        chosen.push(store);
        return store;
      },
      unlink: async () => 1,
    };
    return { redis: redis as unknown as RedisClient, chosen };
  };
  const topology = new Topology('ql', { scores: 1, players: 2 });

  it.each([
    [
      'does not let this user search',
      () => {
        throw new Error('NOPERM this user has no permissions');
      },
      'NOPERM',
    ],
    ['does not find what was written', () => [0], 'does not find'],
    ['answers in a form that nobody knows', () => null, ''],
  ])('are plain where it %s, and somebody is told', async (_, search, reason) => {
    const { redis, chosen } = server(search);
    const faults: string[] = [];
    await prepareDocuments(redis, topology, ({ message }) => faults.push(message));
    expect(chosen).toEqual(['plain', 'plain']);
    expect(faults).toEqual([expect.stringContaining(reason)]);
  });
});
