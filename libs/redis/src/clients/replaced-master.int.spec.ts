import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedRedis } from '#libs/embedded-redis';
import { EventLog, Topology } from '#libs/event-log';
import { type RecordedEvent, unpackEvent } from '#libs/events';
import { redisCheck } from '#libs/service';
import { StreamsServer } from '#libs/streams-transport';
import { eventually, OneName, SERVER } from '#libs/testing';
import { isRedisUnavailable } from '../errors.js';
import { createClient, type RedisClient } from './client.js';

/** How long it may take from the failover until writes work again, on a busy machine. In milliseconds. */
const RECOVERY_MS = 6_000;

describe('a failover behind a host name', () => {
  let folder: string;
  let servers: [EmbeddedRedis, EmbeddedRedis];
  let direct: [RedisClient, RedisClient];
  let name: OneName;
  let redis: RedisClient;
  let topology: Topology;
  let log: EventLog;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'questlog-name-'));
    const first = await EmbeddedRedis.start({ folder: join(folder, 'first') });
    const extraSettings = [`replicaof 127.0.0.1 ${first.port}`, 'repl-diskless-sync-delay 0'];
    const second = await EmbeddedRedis.start({ folder: join(folder, 'second'), extraSettings });
    servers = [first, second];
    direct = [await connect(first.url), await connect(second.url)];
    name = await OneName.open(first.port);
    redis = await connect(name.url);
    topology = await Topology.open(redis, 'ql', { scores: 2, players: 1 });
    log = new EventLog(redis, topology);
  }, 60_000);
  afterEach(async () => {
    for (const client of [redis, ...direct]) client.disconnect();
    await name.close();
    await Promise.all(servers.map(server => server.stop()));
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  const connect = async (url: string): Promise<RedisClient> => {
    const client = createClient(url, 'one-name');
    await client.connect();
    return client;
  };
  const inSync = () =>
    eventually(async () => {
      const offsets = await Promise.all(
        direct.map(async client => /^master_repl_offset:(\d+)/m.exec(await client.info('replication'))?.[1]),
      );
      expect(offsets[0]).toBe(offsets[1]);
      expect(await direct[1].info('replication')).toContain('master_link_status:up');
    }, 20_000);
  /** Like the failover of a hosted Redis: the replica has all acknowledged writes, and the old master keeps its connections. */
  const demote = async () => {
    await direct[0].call('CLIENT', 'PAUSE', '60000', 'WRITE');
    await inSync();
    await direct[1].replicaof('NO', 'ONE');
    await direct[0].replicaof('127.0.0.1', servers[1].port);
    await direct[0].call('CLIENT', 'UNPAUSE');
  };
  const append = (player: string) =>
    log.append({
      type: 'ScoreSubmitted',
      data: { board: 'b', player, score: 1 },
      actor: SERVER,
      idempotencyKey: player,
    });

  it('is followed by commands and workers without a restart, and no acknowledged event is lost or duplicated', async () => {
    const seen: string[] = [];
    const worker = new StreamsServer(redis, topology, {
      group: 'ranking-projector',
      consumer: 'one',
      batchSize: 100,
      claimIdleMs: 500,
      maxDeliveries: 100,
    });
    worker.addHandler(
      'scores',
      async (events: RecordedEvent<'ScoreSubmitted'>[]) => {
        seen.push(...events.map(({ data }) => data.player));
      },
      true,
    );
    worker.listen(() => {});
    const acknowledged: string[] = [];
    const failures: unknown[] = [];
    let isOver = false;
    const writing = (async () => {
      for (let i = 0; !isOver; i++) {
        const player = `player-${i}`;
        for (let done = false; !done && !isOver; ) {
          done = await append(player).then(
            () => true,
            error => {
              failures.push(error);
              return false;
            },
          );
          if (done) acknowledged.push(player);
          await new Promise(resolve => setTimeout(resolve, 5));
        }
      }
    })();
    await eventually(() => expect(seen.length).toBeGreaterThan(20), 20_000);

    await demote();
    await eventually(async () => expect(failures.some(isReadOnly)).toBe(true), 20_000);
    name.leadTo(servers[1].port);
    const switched = performance.now();
    const before = acknowledged.length;
    await eventually(() => expect(acknowledged.length).toBeGreaterThan(before + 5), 20_000);
    expect(performance.now() - switched).toBeLessThan(RECOVERY_MS);
    await eventually(() => expect(seen).toContain(acknowledged.at(-1)), 20_000);
    isOver = true;
    await writing;
    await worker.close();

    expect(failures.filter(error => !isRedisUnavailable(error))).toEqual([]);
    const entries = await direct[1].xrange(topology.of('scores', 'b').stream, '-', '+');
    const players = entries.map(entry => (unpackEvent(...entry).data as { player: string }).player);
    expect(players.toSorted()).toEqual([...new Set(players)].toSorted());
    expect(acknowledged.filter(player => !players.includes(player))).toEqual([]);
    await eventually(() => expect(acknowledged.filter(player => !seen.includes(player))).toEqual([]), 20_000);
  }, 90_000);

  it('is also followed while nobody writes, because of the health check', async () => {
    await append('ada');
    const check = redisCheck(redis, topology, 'reads');
    await expect(check.probe()).resolves.toBeUndefined();
    await demote();
    await expect(check.probe()).rejects.toMatchObject({ severity: 'degraded', reason: 'redis-read-only' });
    await expect(redisCheck(redis, topology, 'writes').probe()).rejects.toMatchObject({
      severity: 'not ready',
    });
    // The name still points to the replica, so reads continue without interruption.
    for (let i = 0; i < 20; i++) {
      await redis.xlen(topology.of('scores', 'b').stream);
      await new Promise(resolve => setTimeout(resolve, 50));
    }
    name.leadTo(servers[1].port);
    await eventually(() => check.probe(), 10_000, 100);
    await append('bob');
  }, 60_000);

  it('is followed when the old master disappears without closing its connections', async () => {
    await append('ada');
    await inSync();
    await direct[1].replicaof('NO', 'ONE');
    name.silence();
    name.leadTo(servers[1].port);
    await eventually(() => append('bob'), 20_000, 100);
    expect(await direct[1].xlen(topology.of('scores', 'b').stream)).toBe(2);
  }, 60_000);

  const isReadOnly = (error: unknown) => error instanceof Error && error.message.startsWith('READONLY');
});
