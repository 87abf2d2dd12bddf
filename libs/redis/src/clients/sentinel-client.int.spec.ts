import { EventLog, Topology } from '#libs/event-log';
import { connectTo } from '#libs/service';
import { eventually, SERVER, SentinelSetup } from '#libs/testing';
import { isRedisUnavailable } from '../errors.js';
import { createBlockingClient, createClient, type RedisClient } from './client.js';

/** How long a failover may take on a busy machine. In milliseconds. */
const FAILOVER = 25_000;

describe('the client of a master behind Sentinels', () => {
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

  it('connects when a failover is announced while it is connecting', async () => {
    // The method that the failover detector of ioredis calls.
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

  it('follows a failover, also for blocking reads; until then commands fail at once', async () => {
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
    // Events that no replica has are lost with the master, so wait for the replicas.
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
