import fc from 'fast-check';
import {
  AppliedWaiter,
  abandonMove,
  countSaves,
  deadLettersKey,
  EventLog,
  EventReader,
  LogClosedError,
  LogMovedError,
  Move,
  MoveActiveError,
  type PartitionKeys,
  Topology,
  topologyKey,
  VersionReader,
} from '#libs/event-log';
import { DEFAULT_DEFINITION, type NewEvent, STREAMS, unpackEvent } from '#libs/events';
import { BoardCatalog, partitionsOf, ScoreDocumentReader } from '#libs/leaderboards';
import { credentialsKey, failedPlayerLoginsKey, playerSessionsKey } from '#libs/players';
import { Projector } from '#libs/projections';
import { documentIndex, documentStoreOf, prepareDocuments } from '#libs/search';
import {
  BoardHistory,
  boardIn,
  boardSteps,
  boardsOf,
  deliver,
  eventually,
  keysLike,
  moveLogClock,
  openTestLog,
  PLAYERS,
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

const SILENT: MoveListener = { onProgress: () => {}, say: () => {} };

describe('a repartition', () => {
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

  it.each([1, 2])(
    'is what it was, in all that it keeps and answers (history %i)',
    async seed => {
      // As every process does at its start: from then on, a rebuild and a repartition use the same document store.
      await prepareDocuments(test.redis, test.topology);
      const boards = boardsOf(test, 6);
      const history = new BoardHistory(test);
      const steps = fc.sample(boardSteps(boards), { seed, numRuns: 4 }).flat();
      for (const step of steps) {
        await tick();
        await history.append(step.kind === 'wait' ? { kind: 'ban', player: 'nobody' } : step);
      }
      for (const player of [...PLAYERS, ...Array.from({ length: 12 }, (_, n) => `player-${n}`)]) {
        await save(player, 'auto', JSON.stringify({ player, text: 'ä "quoted" \u2028' }));
        await save(player, 'auto', '{"version":2}');
        await save(player, 'gone', '{}');
        await append({ type: 'SaveDeleted', data: { player, slot: 'gone' } });
        await append({
          type: 'ProfilePatched',
          data: { player, patch: { name: `Name of ${player}`, level: 1 } },
        });
      }
      await job('rebuild');
      /** A repartition does not copy the usage. It is counted again from the heads, and must be the same. */
      const count = async () => {
        for (const keys of test.topology.all('players'))
          for (const key of await keysLike(test.redis, keys.versions('*')))
            await countSaves(test.redis, keys, key.slice(keys.versions('').length));
      };
      const look = async () => ({
        projected: await projected(),
        beside: await count().then(() => beside(['versions:'])),
        boards: [...(await new BoardCatalog(test.redis, test.topology).all())].sort(),
        trails: await Promise.all(
          boards.map(board => trail(test.topology.all('scores'), board).then(events => events.length)),
        ),
        saves: await trail(test.topology.all('players'), 'player-3'),
        head: await new VersionReader(test.redis, test.topology).head('players', 'player-3', 'gone'),
      });
      const before = await look();
      expect(Object.keys(before.projected).length).toBeGreaterThan(60);
      for (const count of [8, 3, 5]) {
        expect(await move({ scores: count, players: count })).toMatchObject({ pause: expect.any(Number) });
        expect(test.topology.counts).toEqual({ scores: count, players: count });
        expect(await look()).toEqual(before);
        await job('verify');
      }
    },
    120_000,
  );

  it('preserves versions, definitions, idempotency keys, and derived boards', async () => {
    const catalog = new BoardCatalog(test.redis, test.topology);
    const [source, other] = [boardIn(test.topology, 0, 'source'), boardIn(test.topology, 1, 'other')];
    const definition = { ...DEFAULT_DEFINITION, minInterval: 3_600 };
    await catalog.define(source, definition, { actor: SERVER });
    const envelope = { actor: SERVER, idempotencyKey: 'define' };
    const derived = { ...DEFAULT_DEFINITION, source };
    const defined = await catalog.define('derived', derived, envelope);
    const scored = { type: 'ScoreSubmitted', data: { board: other, player: 'ada', score: 1 } } as const;
    const keyed = { ...scored, actor: SERVER, idempotencyKey: 'score' };
    const banned = {
      type: 'PlayerBanned',
      data: { player: 'bob' },
      actor: SERVER,
      idempotencyKey: 'ban',
    } as const;
    const first = await test.log.append(keyed);
    await test.log.append(banned);
    const progress = new AppliedWaiter(test.redis, test.topology, { scores: ['scores'], players: ['saves'] });
    const spaced = {
      type: 'ScoreSubmitted',
      data: { board: source, player: 'ada', score: 1 },
      actor: SERVER,
    } as const;
    await test.log.append(spaced, { minInterval: 3_600_000 });
    await save('ada', 'auto', '{}');
    await job('rebuild');
    for (const count of [8, 3, 5]) {
      await move({ scores: count, players: count });
      const lengths = () => Promise.all(all().map(({ stream }) => test.redis.xlen(stream)));
      const before = await lengths();
      const again = await test.log.append(keyed);
      expect(again).toMatchObject({ replayed: true, ref: { id: first.ref.id } });
      // Clients that got the id before refer to the old partition.
      expect(await progress.whenApplied(first.ref, 1_000)).toBe(true);
      expect(again.ref.partition).toBe(test.topology.of('scores', other).partition);
      expect((await test.log.append(banned)).replayed).toBe(true);
      const anew = new BoardCatalog(test.redis, test.topology);
      expect(await anew.define('derived', derived, envelope)).toMatchObject({ replayed: true });
      await expect(test.log.append(spaced, { minInterval: 3_600_000 })).rejects.toThrow('too soon');
      expect(await lengths()).toEqual(before);
      await expect(anew.remove(source, { actor: SERVER })).rejects.toThrow('another board counts its scores');
      expect(await partitionsOf(test.redis, test.topology, 'derived')).toEqual([
        test.topology.of('scores', source),
      ]);
    }
    expect(defined.replayed).toBe(false);
    expect((await save('ada', 'auto', '{}')).version).toBe(2);
    await job('verify');
  }, 60_000);

  it('preserves order and time where events of the same millisecond come together', async () => {
    const boards = Array.from({ length: 12 }, (_, n) => `board-${n}`);
    for (let value = 0; value < 20; value++) {
      for (const { stream } of test.topology.all('scores'))
        await test.redis
          .call('XSETID', stream, `${ms + 10 + Math.floor(value / 10)}-${value * 3}`)
          .catch(() => {});
      for (const board of boards)
        await test.log.append({
          type: 'ScoreSubmitted',
          data: { board, player: 'ada', score: value },
          actor: SERVER,
        });
    }
    await move({ scores: 3 });
    const scores = new Map<string, number[]>();
    for (const { stream } of test.topology.all('scores')) {
      for (const entry of await test.redis.xrange(stream, '-', '+')) {
        const { board, score: value } = unpackEvent(...entry).data as NewEvent<'ScoreSubmitted'>['data'];
        scores.set(board, [...(scores.get(board) ?? []), value]);
      }
    }
    for (const board of boards) expect(scores.get(board)).toEqual(Array.from({ length: 20 }, (_, n) => n));
    await job('verify');
  });

  it('leaves out dropped events, and has no trace of erased players', async () => {
    const dropped = await score('arena', 'cheater', 1_000);
    await score('arena', 'ada', 1);
    const gone = {
      type: 'PlayerErased',
      data: { player: 'zoe' },
      actor: SERVER,
      idempotencyKey: 'once',
    } as const;
    await save('zoe', 'auto', '{}');
    await test.log.append(gone);
    await erase();
    const keys = test.topology.of('scores', 'arena');
    const { id } = dropped.ref;
    for (const { name } of projections.filter(({ stream }) => stream === 'scores'))
      await test.redis.hset(keys.skipped(name), `${id.ms}-${id.seq}`, 'dropped');
    await job('rebuild');
    const before = await projected();
    expect(JSON.stringify(before)).not.toContain('cheater');
    for (const count of [8, 3, 5]) {
      await move({ scores: count, players: count });
      expect(await projected()).toEqual(before);
      expect((await test.log.append(gone)).replayed).toBe(true);
      await job('verify');
    }
    expect((await save('zoe', 'auto', '{}')).version).toBe(1);
  }, 60_000);

  it('copies credentials and sessions, also those that are created in the meantime', async () => {
    const players = Array.from({ length: 10 }, (_, n) => `player-${n}`);
    for (const player of players) await letIn(player, 'secret');
    const listener: MoveListener = {
      onProgress: () => {},
      say: message => {
        // Redis executes commands in order, so this one runs before the log is closed.
        if (message.startsWith('all but')) void letIn('late', 'secret');
      },
    };
    const before = await beside(['credentials', 'sessions:', 'failed-logins:']);
    await move({ players: 7 }, listener);
    const {
      credentials,
      'sessions:late': late,
      ...others
    } = await beside(['credentials', 'sessions:', 'failed-logins:']);
    expect({ ...others, credentials }).toEqual({
      ...before,
      credentials: { ...(before.credentials as object), late: 'secret' },
    });
    expect(late).toEqual(['token of late']);
  });

  it('refuses processes that use the old partitions, and deletes those', async () => {
    await score('arena', 'ada', 1);
    await job('rebuild');
    const { topology } = await openSameLog();
    const frozen = new EventLog(test.redis, topology);
    await move({ scores: 8 });
    const late = frozen.append({
      type: 'ScoreSubmitted',
      data: { board: 'arena', player: 'bob', score: 2 },
      actor: SERVER,
    });
    await expect(late).rejects.toBeInstanceOf(LogClosedError);
    const read = new ScoreDocumentReader(test.redis, topology).find('ada');
    await expect(read).rejects.toBeInstanceOf(LogMovedError);
    const left = await keysLike(test.redis, `${test.prefix}:{s?}:*`);
    expect(left.map(key => key.replace(/^.*}:/, '')).filter(name => !/^(gate|live:)/.test(name))).toEqual([]);
    expect(await keysLike(test.redis, `${test.prefix}:{p?}:gate`)).toEqual([]);
  });

  it('is refused while there are dead letters or an active job, and changes nothing', async () => {
    await score('arena', 'ada', 1);
    const keys = test.topology.of('scores', 'arena');
    await test.redis.xadd(deadLettersKey(keys, 'scores'), '*', 'id', '1-1');
    await expect(move({ scores: 8 })).rejects.toThrow('there are 1 dead letters: retry or drop them first');
    await test.redis.unlink(deadLettersKey(keys, 'scores'));
    const [projection] = projections;
    const jobs = new Jobs(test.redis, test.topology);
    const active = await jobs.start(projection as never, { kind: 'verify' });
    await expect(move({ scores: 8 })).rejects.toThrow(`verify ${active.id} is running`);
    await jobs.cancel(active);
    await score('arena', 'ada', 2);
    expect(await move({ scores: 8 })).toMatchObject({ events: 6 });
  });

  it('changes nothing if it fails before the switch', async () => {
    await score('arena', 'ada', 1);
    await job('rebuild');
    const before = await projected();
    const full = new Error('the disk is full');
    const onProgress = (phase: string) => {
      if (phase === 'build') throw full;
    };
    await expect(move({ scores: 8, players: 8 }, { ...SILENT, onProgress })).rejects.toBe(full);
    expect(test.topology.counts).toEqual({ scores: 4, players: 4 });
    expect(await keysLike(test.redis, `${test.prefix}:{*e*}:*`)).toEqual([]);
    await score('arena', 'ada', 1);
    await move({ scores: 8 });
    expect(Object.keys(await projected())).toEqual(expect.arrayContaining(Object.keys(before)));
  });

  it('is finished by the next one if its process died after the switch', async () => {
    await score('arena', 'ada', 1);
    await job('rebuild');
    const { topology } = await openSameLog();
    const say = (message: string) => {
      if (message.startsWith('switched')) throw new Error('killed');
    };
    await expect(move({ scores: 8 }, { ...SILENT, say })).rejects.toThrow('run the command again');
    expect(test.topology.counts.scores).toBe(8);
    expect(await move({ scores: 8 })).toBeUndefined();
    const left = await keysLike(test.redis, `${test.prefix}:{s?}:*`);
    expect(left.map(key => key.replace(/^.*}:/, '')).filter(name => !/^(gate|live:)/.test(name))).toEqual([]);
    const read = new ScoreDocumentReader(test.redis, topology).find('ada');
    await expect(read).rejects.toBeInstanceOf(LogMovedError);
    await job('verify');
  });

  it('runs one at a time', async () => {
    const moves = await Promise.allSettled([move({ scores: 8 }), move({ scores: 8 })]);
    expect(moves.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(moves.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: expect.any(MoveActiveError),
    });
  });

  it('opens the log again if its process dies, which then can change nothing', async () => {
    const key = topologyKey(test.prefix);
    const dead = await Move.begin(test.redis, test.topology, 'dead', ['scores']);
    await dead.close();
    await expect(score('arena', 'ada', 1)).rejects.toBeInstanceOf(LogClosedError);
    expect(await abandonMove(test.redis, test.topology, 'dead')).toBe(false);
    await test.redis.hset(key, 'moving', 'dead 1');
    expect(await abandonMove(test.redis, test.topology, 'dead')).toBe(true);
    expect(await score('arena', 'ada', 1)).toMatchObject({ replayed: false });
    const end = { ms: 1, seq: 0 };
    expect(await dead.complete({ scores: 8, players: 4 }, { scores: end, players: end })).toBe(false);
    expect(await move({ scores: 8 })).toBeDefined();
  });

  it('starts over if a player is erased in the meantime', async () => {
    await save('zoe', 'auto', '{}');
    // Events up to the last event of every partition are copied at the end.
    for (let n = 0; n < 4; n++) await save(playerIn(test.topology, n), 'auto', '{}');
    let isErasing = false;
    let erased: Promise<unknown> | undefined;
    const said: string[] = [];
    const listener: MoveListener = {
      onProgress: phase => {
        if (phase !== 'build' || isErasing) return;
        isErasing = true;
        erased = test.log
          .append({ type: 'PlayerErased', data: { player: 'zoe' }, actor: SERVER })
          .then(erase);
      },
      say: message => said.push(message),
    };
    await move({ players: 6 }, listener);
    await erased;
    expect(said.join()).toMatch(/starting over/);
    expect(await trail(test.topology.all('players'), 'zoe')).toEqual([]);
    await job('verify');
  }, 60_000);

  /** Like a frozen process. */
  async function openSameLog() {
    return { topology: await Topology.open(test.redis, test.prefix, {}) };
  }

  /** Projects and erases like workers. */
  async function erase(): Promise<void> {
    const topology = test.topology;
    const eraser = new Eraser(test.redis, topology, projections, { log: () => {}, error: () => {} });
    await eventually(async () => {
      for (const projection of projections) {
        const projector = new Projector(test.redis, projection);
        for (const keys of topology.all(projection.stream)) {
          const events = await deliver(test, keys, projection.name);
          if (events.length > 0) await projector.apply(events, { keys, group: projection.name });
        }
      }
      expect(await eraser.run()).toBe(false);
      const marks = await Promise.all(topology.all('players').map(keys => test.redis.exists(keys.erasing())));
      expect(marks.every(mark => mark === 0)).toBe(true);
    }, 10_000);
    await eraser.stop();
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
});

const belongsTo = (name: string, kinds: readonly string[]) => kinds.includes(name.split(':')[0] ?? '');

/** Without what a partition knows about boards of other partitions. */
function withoutElsewhere(name: string, fields: Record<string, unknown>): Record<string, unknown> {
  if (name !== 'rules') return fields;
  const isElsewhere = (field: string, value: unknown) =>
    field.startsWith('b:') && /^\S+ \S+ \S+ away|^\S+ - \S+ gone/.test(String(value));
  return Object.fromEntries(Object.entries(fields).filter(([field, value]) => !isElsewhere(field, value)));
}

function playerIn(topology: Topology, partition: number): string {
  for (let n = 0; ; n++)
    if (topology.of('players', `first-${n}`).partition === partition) return `first-${n}`;
}
