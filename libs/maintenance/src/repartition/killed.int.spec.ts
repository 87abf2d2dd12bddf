import {
  abandonMove,
  checkLog,
  openAbandonedGates,
  parsePartitionKey,
  readTopology,
  Topology,
  topologyKey,
} from '#libs/event-log';
import { DEFAULT_DEFINITION, type NewEvent, STREAMS } from '#libs/events';
import { credentialsKey, playerSessionsKey } from '#libs/players';
import { keysLike, mortal, openTestLog, projectAll, QUIET, SERVER, type TestLog } from '#libs/testing';
import { JobRunner } from '../jobs/job-runner.js';
import { Jobs } from '../jobs/jobs.js';
import { projections } from '../projections/projections.js';
import { type Counts, Repartition } from './repartition.js';

/** Kills in one run, at random over all commands of a repartition. */
const KILLS = 10;
/** Kills at this many commands before the end, after the switch. */
const BEFORE_END = [32, 16, 8, 4, 2, 1];

describe('a killed repartition', () => {
  let test: TestLog;
  let said: string[];
  beforeEach(async () => {
    said = [];
    test = await openTestLog({ scores: 2, players: 2 });
    await history();
    await project();
  });
  afterEach(() => test.close());

  const append = (type: NewEvent['type'], data: NewEvent['data'], idempotencyKey?: string) =>
    test.log.append({ type, data, actor: SERVER, ...(idempotencyKey && { idempotencyKey }) } as NewEvent);

  const history = async () => {
    const definition = { ...DEFAULT_DEFINITION, operator: 'sum' } as const;
    await append('BoardDefined', { board: 'total', definition });
    for (let n = 0; n < 8; n++) {
      await append(
        'ScoreSubmitted',
        { board: n % 2 ? 'total' : 'arena', player: `p${n % 3}`, score: n },
        `key-${n}`,
      );
      await append('SaveWritten', { player: `p${n % 3}`, slot: 'auto', document: `{"n":${n}}` });
    }
    await append('EntryRevoked', { board: 'arena', player: 'p0' });
    await append('PlayerBanned', { player: 'p1' });
    await test.redis.hset(credentialsKey(test.topology.of('players', 'p1')), 'p1', 'a secret');
    await test.redis.rpush(playerSessionsKey(test.topology.of('players', 'p1'), 'p1'), 'a session');
  };

  const project = () => projectAll(test);

  /** A new process, which knows only what is in Redis. */
  const repartition = async (counts: Partial<Counts>, redis = test.redis) => {
    const topology = await Topology.open(redis, test.prefix, {});
    const listener = { onProgress: () => {}, say: (text: string) => void said.push(text) };
    return new Repartition(redis, topology, { ...topology.counts, ...counts }, listener, 0).run();
  };

  /** What running processes do when the lease of the attempt has expired. */
  const lookAfterIt = async () => {
    const { moving, ...fields } = await readTopology(test.redis, test.prefix);
    test.topology.update(fields);
    if (moving !== undefined) {
      await test.redis.hset(topologyKey(test.prefix), 'moving', `${moving} 0`);
      await abandonMove(test.redis, test.topology, moving);
    }
    for (const stream of STREAMS)
      for (const keys of test.topology.all(stream)) {
        const { gate } = await checkLog(test.redis, keys);
        if (gate !== '') await openAbandonedGates(test.redis, test.topology, [[keys, gate]]);
      }
  };

  const follow = async () => test.topology.update(await test.redis.hgetall(topologyKey(test.prefix)));

  /** All events of all partitions. */
  const events = async () => {
    const found: string[] = [];
    for (const stream of STREAMS)
      for (const keys of test.topology.all(stream))
        for (const [, fields] of await test.redis.xrange(keys.stream, '-', '+')) found.push(fields.join(' '));
    // Every partition has a copy of each ban.
    return found.filter(text => !text.includes('"x1"')).sort();
  };

  const beside = async () => {
    const keys = test.topology.of('players', 'p1');
    const records = await keysLike(test.redis, `${test.prefix}:{s*}:idempotency:*`);
    const current = records.filter(
      key => parsePartitionKey(test.prefix, key)?.epoch === test.topology.epochs.scores,
    );
    return {
      secret: await test.redis.hget(credentialsKey(keys), 'p1'),
      sessions: await test.redis.lrange(playerSessionsKey(keys, 'p1'), 0, -1),
      records: new Set(current.map(key => key.split(':').at(-1))).size,
    };
  };

  /** Keys that are no longer needed. */
  const leftovers = async () => {
    const { epochs } = test.topology;
    const left: string[] = [];
    for (const key of await keysLike(test.redis, `${test.prefix}:{*`)) {
      const name = parsePartitionKey(test.prefix, key);
      const stream = name?.initial === 's' ? 'scores' : 'players';
      if (!name) continue;
      const { rest, epoch, partition } = name;
      const isTomb = epoch < epochs[stream] && (rest === 'gate' || rest.startsWith('live:'));
      const isUnfinished = /^(gate|touched|build:.*)$/.test(rest);
      const isCurrent = epoch === epochs[stream] && partition < test.topology.counts[stream];
      if (!isTomb && (!isCurrent || isUnfinished || (await isOldState(key)))) left.push(key);
    }
    if (await test.redis.hexists(topologyKey(test.prefix), 'moving')) left.push('moving');
    return left;
  };

  const isOldState = async (key: string) => {
    const [, kind, generation] = /}:(\w+)@(\d+)/.exec(key) ?? [];
    if (kind === undefined) return false;
    const { partition = 0, initial } = parsePartitionKey(test.prefix, key) ?? {};
    const keys = test.topology.at(initial === 's' ? 'scores' : 'players', partition);
    const projection = projections.find(({ kinds }) => kinds.includes(kind));
    const live = await test.redis.hget(keys.live(projection?.name ?? ''), 'generation');
    return Number(live ?? 1) !== Number(generation);
  };

  const expectClean = async () => {
    const jobs = new Jobs(test.redis, test.topology);
    for (const projection of projections) {
      const { id } = await jobs.start(projection, { kind: 'verify' });
      await new JobRunner(test.redis, test.topology, projection, QUIET).run({ id });
      expect(await jobs.find(id)).toMatchObject({ state: 'done', result: { examples: [] } });
    }
  };

  it('leaves nothing behind and loses nothing, and the next one reports what it cleaned up or finished', async () => {
    const before = { events: await events(), ...(await beside()) };
    const three = { counts: { scores: 3, players: 3 }, commands: 0 };
    const two = { counts: { scores: 2, players: 2 }, commands: 0 };
    for (const move of [three, two]) {
      const counting = mortal(test.redis);
      await repartition(move.counts, counting.client);
      move.commands = counting.sent();
      await follow();
    }
    const outcomes = new Set<string>();
    for (let kill = 0; kill < KILLS + BEFORE_END.length; kill++) {
      const { counts, commands } = test.topology.counts.scores === 2 ? three : two;
      const at =
        kill < KILLS
          ? 1 + Math.floor(((kill + Math.random()) / KILLS) * commands)
          : commands - (BEFORE_END[kill - KILLS] ?? 0);
      said = [];
      const { client } = mortal(test.redis, at);
      const outcome = await repartition(counts, client).then(
        () => 'done',
        () => 'killed',
      );
      await lookAfterIt();
      // The log accepts events, whenever the repartition was killed.
      await append('SaveWritten', { player: 'p2', slot: 'after', document: '{}' });
      // The numbers of partitions stay, and the earlier attempt is cleaned up or finished.
      await repartition({});
      await follow();
      const report = said.find(text => /^(cleaned up|finished):/.test(text))?.split(':')[0];
      outcomes.add(`${outcome} ${report ?? 'before it had begun, or after all was done'}`);
      expect({ at, left: await leftovers() }).toEqual({ at, left: [] });
      const earlier = (await events()).filter(text => !text.includes('after'));
      expect({ at, events: earlier, ...(await beside()) }).toEqual({ at, ...before });
      await project();
      await expectClean();
    }
    expect([...outcomes].sort().join('; ')).toMatch(/cleaned up.*finished/);
  }, 600_000);
});
