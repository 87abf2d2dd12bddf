import { globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { jest } from '@jest/globals';
import { AppendCall, deadLettersKey, type PartitionKeys } from '#libs/event-log';
import { leaderboards, ranksKey, runsKey, scoreDocuments } from '#libs/leaderboards';
import { buildKey } from '#libs/maintenance';
import { Projector, stateKeys } from '#libs/projections';
import { appendScores, deliver } from '../deliveries.js';
import { SERVER } from '../events.js';
import { longestHold } from '../longest-hold.js';
import { scriptNamed } from '../script-named.js';
import { openTestLog, type TestLog } from '../test-log.js';

jest.setTimeout(300_000);

/** Milliseconds for which one command may hold Redis. */
const BOUND_MS = 10;
/** An event about all of a player's entries, where a partition has so many boards. */
const MANY_BOARDS = 10_000;
/** As often as a script is measured, until it was short once: on a machine that is busy with other things, only the shortest time is its own. */
const TRIES = 30;

/** Measured through the readers that call them. */
const IN_WORST_CASES = ['applied', 'list-names', 'match-words', 'read-board', 'read-page', 'read-shard'];
const NOT_MEASURED: Readonly<Record<string, string>> = {
  'count-behind': 'n are at most 1,000 entries of a megabyte together: its own header has the figure',
  heartbeat: 'n are workers of a group: processes, some dozens',
  'describe-stream': 'n are consumers of a group: processes, some dozens',
  'leave-group': 'n are consumers of a group: processes, some dozens',
  'drop-dead-letter': 'an operator drops one; n are players who are being erased at that moment',
  'retry-dead-letter': 'an operator retries one; n are players who are being erased at that moment',
  'look-at-log': 'ten ids at most, each a look-up in the stream',
  'read-head': 'one look-up in the stream',
  switch: 'n are dead letters, which somebody looks at; it runs once for each rebuild',
};

const range = (count: number) => Array.from({ length: count }, (_, i) => i);
const json = JSON.stringify;

describe('the time for which a script holds Redis at its greatest input', () => {
  let test: TestLog;
  let keys: PartitionKeys;
  beforeEach(async () => {
    test = await openTestLog({ scores: 1, players: 1 });
    keys = test.topology.at('scores', 0);
  });
  afterEach(() => test.close());

  /** @param prepare makes the same again, unmeasured */
  const shortest = async (work: () => Promise<unknown>, prepare: () => Promise<unknown> = async () => {}) => {
    let least = Number.POSITIVE_INFINITY;
    // A server that does not know a script refuses it in no time.
    await prepare();
    await work();
    for (let n = 0; n < TRIES && least >= BOUND_MS; n++) {
      await prepare();
      const { milliseconds, command } = await longestHold(test, work, 1);
      expect(command).not.toBe('none');
      least = Math.min(least, milliseconds);
    }
    return least;
  };
  const inChunks = async <T>(all: readonly T[], write: (one: T) => Promise<unknown>) => {
    for (let at = 0; at < all.length; at += 500) await Promise.all(all.slice(at, at + 500).map(write));
  };
  const source = (group: string) => ({ keys, group });

  const MEASURED: Readonly<Record<string, () => Promise<number>>> = {
    append: () =>
      shortest(async () => {
        const call = new AppendCall(keys);
        for (const n of range(500)) {
          const data = { board: `b${n}`, player: `p${n}`, score: n, attributes: { text: 'x'.repeat(500) } };
          call.add(
            { type: 'ScoreSubmitted', data, actor: SERVER, idempotencyKey: `k${n}` },
            { definedBy: '' },
          );
        }
        await call.run(test.redis);
      }),
    'commit and read-states': async () => {
      const scores = range(1_000).map(n => ({ board: `b${n % 100}`, player: `p${n}`, score: n }));
      let least = Number.POSITIVE_INFINITY;
      for (const projection of [leaderboards, scoreDocuments] as const) {
        const group = projection.name;
        const one = await shortest(
          async () =>
            new Projector(test.redis, projection as typeof leaderboards).apply(
              await deliver(test, keys, group),
              source(group),
            ),
          () => appendScores(test, scores),
        );
        least = least === Number.POSITIVE_INFINITY ? one : Math.max(least, one);
      }
      return least;
    },
    'write-build': async () => {
      const build = buildKey(keys, 'group');
      const script = scriptNamed<number>('write-build');
      const key = ranksKey(stateKeys(keys, 1), 'board');
      const writes = range(16).map(part => [
        'ZADD',
        2,
        ...range(125).flatMap(n => [String(n), `${part}-${n}-${'m'.repeat(20)}`]),
      ]);
      return shortest(
        () => script.run(test.redis, [build, key], ['me', '0-0', '', 0, json(writes)]),
        () => test.redis.hset(build, 'owner', 'me', 'position', '0-0'),
      );
    },
    replay: async () => {
      const script = scriptNamed<number>('replay');
      const entries = range(250).map(n => [`${n + 1}-0`, 'e', 'x'.repeat(2_000)]);
      const fields = range(250).map(n => [2, `field-${n}`, 'y'.repeat(50)]);
      const records = range(250).map(n => [n + 3, 'z'.repeat(60), 100_000]);
      const all = [keys.stream, keys.versions('ada'), ...range(250).map(n => keys.idempotency(`h${n}`))];
      return shortest(
        async () =>
          expect(await script.run(test.redis, all, ['0-0', json(entries), json(fields), json(records)])).toBe(
            1,
          ),
        () => test.redis.del(keys.stream),
      );
    },
    'erase-events': async () => {
      const script = scriptNamed<number[]>('erase-events');
      const ids = range(100).map(n => `${n + 1}-0`);
      const intervals = range(100).map(n => keys.interval('board', `p${n}`));
      const groups = ['one', 'two'].flatMap(group => [keys.skipped(group), deadLettersKey(keys, group)]);
      const all = [keys.stream, keys.erasures(), ...groups, ...intervals];
      const args = [1, json(ids), '[[3,4],[5,6]]', json(range(100).map(n => `b${n}`)), '[]'];
      return shortest(
        () => script.run(test.redis, all, [...args, json(range(100).map(n => n + 7))]),
        async () => {
          await test.redis.del(keys.stream);
          for (const id of ids) await test.redis.xadd(keys.stream, id, 'e', 'x'.repeat(1_000));
          await Promise.all(intervals.map(key => test.redis.set(key, '1')));
        },
      );
    },
    admit: () => {
      const script = scriptNamed<string[]>('admit');
      const things = range(32).map(n => keys.idempotency(`limit-${n}`));
      return shortest(() =>
        script.run(
          test.redis,
          things,
          things.flatMap(() => [1_000_000, 1_000, 1]),
        ),
      );
    },
    probe: async () => {
      const script = scriptNamed<unknown>('probe');
      const runs = runsKey(stateKeys(keys, 1), 'board');
      await inChunks(range(5_000), n => test.redis.xadd(keys.stream, `${n + 1}-0`, 'e', '[]'));
      await test.redis.xgroup('CREATE', keys.stream, 'group', '0');
      await test.redis.xreadgroup('GROUP', 'group', 'me', 'STREAMS', keys.stream, '>');
      await inChunks(range(500), n => test.redis.hset(runs, `p${n}`, 'x'.repeat(200)));
      const places = json(range(500).map(n => ['HGET', 4, `p${n}`]));
      const touched = [keys.stream, keys.live('group'), keys.skipped('group'), runs];
      return shortest(async () =>
        expect(await script.run(test.redis, touched, ['group', 1, places, 5_000])).not.toBe('busy'),
      );
    },
  };

  it.each(Object.keys(MEASURED))('is short for %s', async name => {
    const milliseconds = await MEASURED[name]?.();
    expect(milliseconds).toBeLessThan(BOUND_MS);
  });

  it.each([
    ['an erasure', 'ScoresErased', 0],
    ['a ban', 'PlayerBanned', 1_000],
  ] as const)('is bounded for %s, where very many boards are in one partition', async (_, type, entries) => {
    const { redis, log } = test;
    const state = stateKeys(keys, 1);
    const boards = range(MANY_BOARDS).map(n => `many-${n}`);
    await inChunks(boards, board => redis.hset(state.rules(), `q:${board}`, '-'));
    await inChunks(boards, board => redis.hset(runsKey(state, board), 'other', '0000000000000- 5'));
    let player = 0;
    const name = leaderboards.name;
    const milliseconds = await shortest(
      async () => {
        const settlement = await new Projector(redis, leaderboards).apply(
          await deliver(test, keys, name),
          source(name),
        );
        expect(settlement).toMatchObject({ applied: 1, deferred: [] });
      },
      async () => {
        player += 1;
        const own = boards.slice(0, entries);
        await inChunks(own, board => redis.hset(runsKey(state, board), `p${player}`, '0000000000000- 5'));
        await log.append({ type, data: { player: `p${player}` }, actor: SERVER });
      },
    );
    expect(milliseconds).toBeLessThan(BOUND_MS);
  });

  it('is measured for every script whose cost grows, or it is said why not', () => {
    const scripts = globSync('{libs/*,apps/*}/src/lua/*.lua');
    const growing = scripts.filter(file => {
      const text = readFileSync(file, 'utf8');
      const [, cost = ''] = /^-- Cost: ([\s\S]*?)\n-- [A-Z]\w*\s/m.exec(text) ?? [];
      return /\bn\b/.test(cost);
    });
    const measured = Object.keys(MEASURED).flatMap(name => name.split(' and '));
    const known = [...measured, ...IN_WORST_CASES, ...Object.keys(NOT_MEASURED)];
    expect(growing.map(file => basename(file, '.lua')).filter(name => !known.includes(name))).toEqual([]);
  });
});
