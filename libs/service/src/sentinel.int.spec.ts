import { EventLog, Topology } from '#libs/event-log';
import { createBlockingClient, createClient, isRedisUnavailable, type RedisClient } from '#libs/redis';
import { eventually, SERVER, SentinelSetup } from '#libs/testing';
import { connectTo } from './connect.js';

/** Milliseconds for a failover, on a machine that is busy. */
const FAILOVER = 25_000;

describe('a server that Sentinels choose', () => {
  let setup: SentinelSetup;
  let redis: RedisClient;
  beforeAll(async () => {
    setup = await SentinelSetup.start();
    redis = createClient(setup.address, 'sentinel.spec');
    await connectTo(redis, setup.address, () => {});
  }, 60_000);
  afterAll(async () => {
    redis.disconnect();
    await setup.stop();
  });

  it('is found again when word of a switch comes while it is being looked for', async () => {
    // What ioredis's detector of failovers calls.
    const { connector } = redis as unknown as { connector: { disconnect(): void } };
    const interrupted = new Promise<void>(done => {
      const interrupt = () => {
        redis.off('connecting', interrupt);
        connector.disconnect();
        done();
      };
      redis.on('connecting', interrupt);
    });
    connector.disconnect();
    await interrupted;
    await eventually(async () => expect(await redis.ping()).toBe('PONG'), 10_000);
  }, 20_000);

  it('is followed to another one when it dies: until then commands fail at once, and readers find it, too', async () => {
    const topology = await Topology.open(redis, 'ql', { scores: 1, players: 1 });
    const log = new EventLog(redis, topology);
    const { stream } = topology.at('scores', 0);
    const append = (player: string) =>
      log.append({ type: 'ScoreSubmitted', data: { board: 'b', player, score: 1 }, actor: SERVER });
    const read = async () => {
      const reader = createBlockingClient(redis, stream, 'reader', 5_000);
      try {
        await reader.connect();
        const [[, entries]] = (await reader.xread('BLOCK', 100, 'STREAMS', stream, '0')) as [
          [string, unknown[]],
        ];
        return entries.length;
      } finally {
        reader.disconnect();
      }
    };
    await append('ada');
    expect(await read()).toBe(1);
    // What no replica has dies with the master.
    await eventually(async () => expect(await redis.wait(1, 1_000)).toBe(1));
    await setup.killMaster();
    const failures: unknown[] = [];
    let slowest = 0;
    await eventually(
      async () => {
        const sent = performance.now();
        try {
          await append('eve');
        } catch (error) {
          failures.push(error);
          throw error;
        } finally {
          slowest = Math.max(slowest, performance.now() - sent);
        }
      },
      FAILOVER,
      50,
    );
    expect(failures.length).toBeGreaterThan(0);
    expect(failures.filter(error => !isRedisUnavailable(error))).toEqual([]);
    expect(slowest).toBeLessThan(2_000);
    expect(await eventually(read)).toBe(2);
  }, 60_000);
});
