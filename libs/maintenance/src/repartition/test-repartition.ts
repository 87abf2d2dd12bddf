import { EventReader, type PartitionKeys, Topology } from '#libs/event-log';
import { type NewEvent, STREAMS } from '#libs/events';
import { credentialsKey, failedPlayerLoginsKey, playerSessionsKey } from '#libs/players';
import { documentIndex, documentStoreOf } from '#libs/search';
import {
  eventually,
  keysLike,
  moveLogClock,
  openTestLog,
  projectAll,
  QUIET,
  SERVER,
  scriptNamed,
  stateOf,
  type TestLog,
} from '#libs/testing';
import { Eraser } from '../erasure/eraser.js';
import { JobRunner } from '../jobs/job-runner.js';
import { Jobs } from '../jobs/jobs.js';
import { projections } from '../projections/projections.js';
import { type Counts, type MoveListener, Repartition } from './repartition.js';

export const SILENT: MoveListener = { onProgress: () => {}, say: () => {} };

/** For each test, a log of four partitions per stream, in which every event has its own time. */
export function useRepartition() {
  let test: TestLog;
  let ms: number;
  beforeEach(async () => {
    test = await openTestLog({ scores: 4, players: 4 });
    ms = Date.now() + 60_000;
    // Every event has a time of its own, so all of them keep their ids.
    for (let n = 0; n < 4; n++) await moveLogClock(test.redis, test.topology, [n], ms++);
    for (let n = 0; n < 4; n++) await save(playerIn(test.topology, n), 'auto', '{"from":"the beginning"}');
  });
  afterEach(async () => {
    if ((await documentStoreOf(test.redis)) === 'json')
      await test.redis.call('FT.DROPINDEX', documentIndex(test.prefix)).catch(() => {});
    await test.close();
  });

  const all = () => STREAMS.flatMap(stream => test.topology.all(stream));

  /** Advances the clock. */
  const tick = async () => {
    ms += 1;
    for (const { stream } of all())
      if (await test.redis.exists(stream)) await test.redis.call('XSETID', stream, `${ms}-0`);
  };

  const append = async (event: Omit<NewEvent, 'actor'>) => {
    await tick();
    return test.log.append({ ...event, actor: SERVER } as NewEvent);
  };
  const save = (player: string, slot: string, document: string) =>
    append({ type: 'SaveWritten', data: { player, slot, document } });
  const score = (board: string, player: string, value: number) =>
    append({ type: 'ScoreSubmitted', data: { board, player, score: value } });

  const job = async (kind: 'rebuild' | 'verify') => {
    const jobs = new Jobs(test.redis, test.topology);
    for (const projection of projections) {
      const { id } = await jobs.start(projection, { kind });
      expect(await new JobRunner(test.redis, test.topology, projection, QUIET).run({ id })).toBe(true);
      const done = await jobs.find(id);
      expect(done).toMatchObject({ state: 'done' });
      expect(done?.result?.examples ?? []).toEqual([]);
    }
  };

  const move = (counts: Partial<Counts>, listener = SILENT) =>
    new Repartition(test.redis, test.topology, { ...test.topology.counts, ...counts }, listener, 50).run();

  /** The projections of all partitions together. */
  const projected = async () => {
    const kept: Record<string, Record<string, unknown>> = {};
    for (const projection of projections) {
      for (const keys of test.topology.all(projection.stream)) {
        const generation = Number((await test.redis.hget(keys.live(projection.name), 'generation')) ?? 1);
        const { hashes, ranks, documents } = await stateOf(test, keys, generation);
        for (const [name, fields] of Object.entries({ ...hashes, ...ranks }))
          if (belongsTo(name, projection.kinds))
            kept[name] = { ...kept[name], ...withoutElsewhere(name, fields) };
        for (const [name, document] of Object.entries(documents))
          if (belongsTo(name, projection.kinds)) kept[name] = { document };
      }
    }
    return kept;
  };

  /** The records beside the log, of all partitions together. */
  const beside = async (kinds: readonly string[]) => {
    const kept: Record<string, unknown> = {};
    for (const keys of all()) {
      const base = keys.stream.slice(0, -'log'.length);
      for (const key of await keysLike(test.redis, `${base}*`)) {
        const name = key.slice(base.length);
        if (!kinds.some(kind => name.startsWith(kind))) continue;
        const type = await test.redis.type(key);
        if (type === 'hash') kept[name] = { ...(kept[name] as object), ...(await test.redis.hgetall(key)) };
        if (type === 'list') kept[name] = await test.redis.lrange(key, 0, -1);
        if (type === 'string') kept[name] = await test.redis.get(key);
      }
    }
    return kept;
  };

  /** All events of a subject, in order, without the partition in their ids. */
  const trail = async (partitions: readonly PartitionKeys[], id: string) => {
    const { events } = await new EventReader(test.redis, test.topology).page({
      partitions,
      mentions: [id],
      wants: ({ data }) => !('first' in data && data.first),
      limit: 1_000,
    });
    return events.map(({ eventId, ...event }) => ({ ...event, eventId: eventId.replace(/^\w+?-/, '') }));
  };

  /** Like a frozen process. */
  async function openSameLog() {
    return { topology: await Topology.open(test.redis, test.prefix, {}) };
  }

  /** Projects and erases like workers. */
  async function erase(): Promise<void> {
    const topology = test.topology;
    const eraser = new Eraser(test.redis, topology, projections, { log: () => {}, error: () => {} });
    await eventually(async () => {
      await projectAll(test);
      expect(await eraser.run()).toBe(false);
      const marks = await Promise.all(topology.all('players').map(keys => test.redis.exists(keys.erasing())));
      expect(marks.every(mark => mark === 0)).toBe(true);
    }, 10_000);
    await eraser.stop();
  }

  /** Revokes the player's secrets. */
  async function revoke(player: string): Promise<void> {
    const keepLogin = scriptNamed<number>('keep-login');
    const keys = test.topology.of('players', player);
    const touched = [keys.gate(), keys.touched(), credentialsKey(keys)];
    await keepLogin.run(test.redis, touched, [player, 'HDEL', player]);
  }

  async function letIn(player: string, secret: string): Promise<void> {
    const keepLogin = scriptNamed<number>('keep-login');
    const keys = test.topology.of('players', player);
    const [gate, touched] = [keys.gate(), keys.touched()];
    await Promise.all([
      keepLogin.run(test.redis, [gate, touched, credentialsKey(keys)], [player, 'HSET', player, secret]),
      keepLogin.run(
        test.redis,
        [gate, touched, playerSessionsKey(keys, player)],
        [player, 'RPUSH', `token of ${player}`],
      ),
      test.redis.set(failedPlayerLoginsKey(keys, player), 3, 'PX', 60_000),
    ]);
  }

  return {
    /** The time of the last event, in milliseconds since 1970. */
    get ms() {
      return ms;
    },
    get test() {
      return test;
    },
    all,
    tick,
    append,
    save,
    score,
    job,
    move,
    projected,
    beside,
    trail,
    openSameLog,
    erase,
    letIn,
    revoke,
  };
}

const belongsTo = (name: string, kinds: readonly string[]) => kinds.includes(name.split(':')[0] ?? '');

/** Without what a partition knows about boards of other partitions. */
function withoutElsewhere(name: string, fields: Record<string, unknown>): Record<string, unknown> {
  if (name !== 'rules') return fields;
  const isElsewhere = (field: string, value: unknown) =>
    field.startsWith('b:') && /^\S+ \S+ \S+ away|^\S+ - \S+ gone/.test(String(value));
  return Object.fromEntries(Object.entries(fields).filter(([field, value]) => !isElsewhere(field, value)));
}

export function playerIn(topology: Topology, partition: number): string {
  for (let n = 0; ; n++)
    if (topology.of('players', `first-${n}`).partition === partition) return `first-${n}`;
}
