import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedRedis } from '#libs/embedded-redis';
import { EventLog, Topology } from '#libs/event-log';
import { eventually, SERVER } from '#libs/testing';
import { createClient, type RedisClient } from './clients/client.js';
import { UnconfirmedError } from './errors.js';
import { WriteQuorum } from './write-quorum.js';

describe('an event log with a quorum of replicas', () => {
  let folder: string;
  let master: EmbeddedRedis;
  let replica: EmbeddedRedis;
  let redis: RedisClient;
  let quorum: WriteQuorum;
  let topology: Topology;
  let log: EventLog;
  let replicaPid = 0;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'questlog-quorum-'));
    master = await EmbeddedRedis.start({ folder: join(folder, 'master') });
    const extraSettings = [`replicaof 127.0.0.1 ${master.port}`, 'repl-diskless-sync-delay 0'];
    replica = await EmbeddedRedis.start({ folder: join(folder, 'replica'), extraSettings });
    redis = await connect(master.url);
    const looker = await connect(replica.url);
    replicaPid = Number(/^process_id:(\d+)/m.exec(await looker.info('server'))?.[1]);
    looker.disconnect();
    topology = await Topology.open(redis, 'ql', { scores: 2, players: 1 });
    quorum = new WriteQuorum(await connect(master.url), 1, 300);
    log = new EventLog(redis, topology, quorum);
    await eventually(() => append('first'), 20_000);
  });
  afterAll(async () => {
    process.kill(replicaPid, 'SIGCONT');
    quorum.close();
    redis.disconnect();
    await Promise.all([replica.stop(), master.stop()]);
    rmSync(folder, { recursive: true, force: true });
  });

  const connect = async (url: string): Promise<RedisClient> => {
    const client = createClient(url, 'quorum');
    await client.connect();
    return client;
  };
  const append = (player: string, idempotencyKey?: string) =>
    log.append({
      type: 'ScoreSubmitted',
      data: { board: 'b', player, score: 1 },
      actor: SERVER,
      ...(idempotencyKey !== undefined && { idempotencyKey }),
    });
  const length = () => redis.xlen(topology.of('scores', 'b').stream);
  /** The number of calls of WAIT. */
  const waits = async () =>
    Number(/^cmdstat_wait:calls=(\d+)/m.exec(await redis.info('commandstats'))?.[1] ?? 0);
  const whileTheReplicaStands = async (look: () => Promise<void>) => {
    process.kill(replicaPid, 'SIGSTOP');
    try {
      await look();
    } finally {
      process.kill(replicaPid, 'SIGCONT');
    }
  };

  it('acknowledges an event when the replica has it', async () => {
    await expect(append('ada')).resolves.toMatchObject({ replayed: false });
  });

  it('confirms many events with one WAIT', async () => {
    const before = await waits();
    await Promise.all(Array.from({ length: 200 }, (_, n) => append(`player-${n}`)));
    const calls = (await waits()) - before;
    expect(calls).toBeGreaterThan(0);
    expect(calls).toBeLessThan(10);
  });

  it('reports an event that is in the log but not on the replica', async () => {
    const before = await length();
    await whileTheReplicaStands(async () => {
      await expect(append('eve')).rejects.toBeInstanceOf(UnconfirmedError);
      expect(await length()).toBe(before + 1);
    });
  });

  it('does not treat the first attempt as confirmed when it is repeated over another connection', async () => {
    const before = await length();
    const other = new WriteQuorum(await connect(master.url), 1, 300);
    const repeat = () =>
      new EventLog(redis, topology, other).append({
        type: 'ScoreSubmitted',
        data: { board: 'b', player: 'gus', score: 1 },
        actor: SERVER,
        idempotencyKey: 'once',
      });
    await whileTheReplicaStands(async () => {
      await expect(append('gus', 'once')).rejects.toBeInstanceOf(UnconfirmedError);
      await expect(repeat()).rejects.toBeInstanceOf(UnconfirmedError);
    });
    expect(await eventually(repeat)).toMatchObject({ replayed: true });
    expect(await length()).toBe(before + 1);
    other.close();
  });

  it('continues after the script cache of the server was flushed', async () => {
    await redis.script('FLUSH');
    await expect(eventually(() => append('ada'))).resolves.toMatchObject({ replayed: false });
  });
});
