import { freePort } from '#libs/embedded-redis';
import { createClient, type RedisAddress, withoutPassword } from '#libs/redis';
import { TlsRedis, testRedis } from '#libs/testing';
import { connectTo, RedisAccessError } from './connect.js';

const PASSWORD = 'hunter2-hunter2';

describe('connecting', () => {
  let server: TlsRedis;
  beforeAll(async () => {
    server = await TlsRedis.start([`user questlog on >${PASSWORD} ~ql:* -@all +ping +info`]);
  });
  afterAll(() => server.stop());

  const attempt = async (
    where: string | RedisAddress,
    onWait: (message: string) => void = () => {},
  ): Promise<Error | undefined> => {
    const address = typeof where === 'string' ? { url: where } : where;
    const redis = createClient(address, 'test');
    try {
      await connectTo(redis, address, onWait);
      return undefined;
    } catch (error) {
      return error as Error;
    } finally {
      redis.disconnect();
    }
  };
  /** The message about waiting. The wait itself would never end. */
  const waiting = async (url: string): Promise<string | undefined> => {
    const error = await attempt(url, message => {
      throw new Error(message);
    });
    return error?.message;
  };

  it('succeeds', async () => {
    expect(await attempt(testRedis())).toBeUndefined();
    expect(await attempt(`redis://questlog:${PASSWORD}@localhost:${server.clearPort}`)).toBeUndefined();
  });

  it.each([
    ['a wrong password', 'questlog:wrong-hunter2', '', 'WRONGPASS'],
    ['no password', '', '', 'NOAUTH'],
    ['a database that the user may not select', `questlog:${PASSWORD}`, '/1', 'NOPERM'],
  ])('fails with %s', async (_, user, database, reason) => {
    const error = await attempt(`redis://${user}${user && '@'}localhost:${server.clearPort}${database}`);
    expect(error).toBeInstanceOf(RedisAccessError);
    expect(error?.message).toContain(reason);
    expect(error?.message).toContain(`localhost:${server.clearPort}`);
    expect(error?.message).not.toContain('hunter2');
  });

  it('fails when the certificate is not trusted, and says what to do', async () => {
    const error = await attempt(`rediss://questlog:${PASSWORD}@localhost:${server.port}`);
    expect(error).toBeInstanceOf(RedisAccessError);
    expect(error?.message).toContain('NODE_EXTRA_CA_CERTS');
    expect(error?.message).not.toContain('hunter2');
  });

  it('succeeds with user and password given separately from the URL', async () => {
    const access = { username: 'questlog', password: PASSWORD };
    expect(await attempt({ url: `redis://localhost:${server.clearPort}`, ...access })).toBeUndefined();
  });

  it('fails when the server is not a cluster, and says what to do', async () => {
    const access = { username: 'questlog', password: PASSWORD };
    const error = await attempt({ nodes: [`localhost:${server.clearPort}`], ...access });
    expect(error).toBeInstanceOf(RedisAccessError);
    expect(error?.message).toContain('REDIS_URL');
    expect(error?.message).not.toContain('hunter2');
  });

  it('fails with a wrong password for a cluster', async () => {
    const error = await attempt({ nodes: [`localhost:${server.clearPort}`], password: 'wrong-hunter2' });
    expect(error).toBeInstanceOf(RedisAccessError);
    expect(error?.message).not.toContain('hunter2');
  });

  it('waits for a server and reports its address without the password', async () => {
    expect(await waiting(`redis://questlog:${PASSWORD}@127.0.0.1:${await freePort()}`)).toMatch(
      /redis:\/\/\*\*\*@127\.0\.0\.1:\d+: connect ECONNREFUSED/,
    );
  });

  it('reports that a port does not use TLS', async () => {
    expect(await waiting(`rediss://questlog:${PASSWORD}@localhost:${server.clearPort}`)).toContain(
      'rediss:// needs a port with TLS',
    );
  });

  it('reports that a port uses TLS', async () => {
    expect(await waiting(`redis://questlog:${PASSWORD}@localhost:${server.port}`)).toContain(
      'a port with TLS needs rediss://',
    );
  });

  it.each([
    ['redis://localhost:6379/2', 'redis://localhost:6379/2'],
    ['redis://:secret@localhost', 'redis://***@localhost'],
    ['rediss://user:se@cr/et@localhost:1/0', 'rediss://***@localhost:1/0'],
    ['redis://localhost?password=secret', 'redis://localhost'],
  ])('names %s as %s', (url, shown) => {
    expect(withoutPassword(url)).toBe(shown);
  });
});
