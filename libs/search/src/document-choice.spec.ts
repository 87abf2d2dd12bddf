import { Topology } from '#libs/event-log';
import type { RedisClient } from '#libs/redis';
import { prepareDocuments } from './document-choice.js';

describe('the document store on a server that claims to have RedisJSON', () => {
  /** Accepts every command, and then fails or finds nothing. */
  const server = (search: () => unknown, indexIsThere = false) => {
    const chosen: unknown[] = [];
    const called: string[] = [];
    const redis = {
      options: {},
      info: async () => 'redis_version:8.2.0\r\nredis_mode:standalone\r\n',
      command: async () => [[], [], [], []],
      call: async (command: string) => {
        called.push(command);
        if (command === 'FT.CREATE' && indexIsThere) throw new Error('Index already exists');
        return command === 'FT.SEARCH' ? search() : 'OK';
      },
      eval: async () => 'OK',
      evalsha: async (_sha: string, _count: number, ...values: string[]) => {
        const store = values.at(-1);
        chosen.push(store);
        return store;
      },
      unlink: async () => 1,
    };
    return { redis: redis as unknown as RedisClient, chosen, called };
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
    const { redis, chosen, called } = server(search);
    const faults: string[] = [];
    await prepareDocuments(redis, topology, ({ message }) => faults.push(message));
    expect(chosen).toEqual(['plain', 'plain']);
    expect(faults).toEqual([expect.stringContaining(reason)]);
    // An existing index means that rebuilds may use it.
    expect(called).toEqual(['FT.CREATE', 'FT.SEARCH', 'FT.DROPINDEX']);
  });

  it('does not delete an index that another process has created', async () => {
    const { redis, called } = server(() => [0], true);
    await prepareDocuments(redis, topology);
    expect(called).toEqual(['FT.CREATE', 'FT.SEARCH']);
  });
});
