import type { RedisClient } from '#libs/redis';
import { documentStoreIn, documentStoreOf } from './document-store.js';

/** A server with this INFO, and these commands besides those of every Redis. */
const server = (info: string, commands: readonly string[], db = 0) =>
  ({
    options: { db },
    info: async () => `# Server\r\n${info}\r\n`,
    command: async (_info: string, ...names: string[]) =>
      names.map(name => (commands.includes(name) ? [name.toLowerCase()] : null)),
  }) as unknown as RedisClient;

const JSON_COMMANDS = ['JSON.SET', 'JSON.GET'];
const BOTH = [...JSON_COMMANDS, 'FT.CREATE', 'FT.SEARCH'];

describe('the document store', () => {
  it('uses JSON values if the server has RedisJSON and Redis Search', async () => {
    expect(await documentStoreOf(server('redis_version:8.0.1\r\nredis_mode:standalone', BOTH))).toBe('json');
  });

  it.each<[string, RedisClient]>([
    ['that has no modules', server('redis_version:7.0.15', [])],
    ['that can keep JSON only', server('redis_version:7.4.0', JSON_COMMANDS)],
    ['of Valkey, whatever its modules', server('redis_version:7.2.4\r\nvalkey_version:9.0.0', BOTH)],
    ['of a cluster', server('redis_version:8.0.1\r\nredis_mode:cluster', BOTH)],
    ['of which another database than 0 is used', server('redis_version:8.0.1', BOTH, 1)],
  ])('is a plain one on a server %s', async (_, redis) => {
    expect(await documentStoreOf(redis)).toBe('plain');
  });

  it('is plain for a user who may not run COMMAND or FT._LIST', async () => {
    const redis = server('redis_version:8.0.1\r\nredis_mode:standalone', BOTH);
    const forbidden = async () => {
      throw new Error('NOPERM this user has no permissions to run the command');
    };
    const mute = { ...redis, command: forbidden } as unknown as RedisClient;
    expect(await documentStoreOf(mute)).toBe('plain');
    const blind = { ...redis, call: forbidden } as unknown as RedisClient;
    expect(await documentStoreIn(blind, 'ql')).toBe('plain');
  });
});
