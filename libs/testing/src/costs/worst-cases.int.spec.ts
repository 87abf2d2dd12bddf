import { jest } from '@jest/globals';
import { type PartitionKeys, readStreamPage, shardsOf } from '#libs/event-log';
import { type BoardDefinition, DEFAULT_DEFINITION } from '#libs/events';
import {
  BoardCatalog,
  formatBoard,
  LeaderboardReader,
  levelsKey,
  orderOf,
  ranksKey,
  runsKey,
  ScoreDocumentReader,
  scoresKey,
} from '#libs/leaderboards';
import { NameSearch, namesKey, ProfileReader, profilesKey } from '#libs/players';
import { stateKeys } from '#libs/projections';
import { readWholeHash } from '#libs/redis';
import { SaveReader, SaveSearch, slotsKey } from '#libs/saves';
import { searchTermsKey } from '#libs/search';
import { SERVER } from '../events.js';
import { longestHold } from '../longest-hold.js';
import { scriptNamed } from '../script-named.js';
import { openTestLog, type TestLog } from '../test-log.js';

jest.setTimeout(600_000);

/** Milliseconds for which one command may hold Redis. */
const BOUND = 10;
const PARTITIONS = 4;
const PLAYERS = 20_000;
/** Players whose runs have as much in their attributes as is allowed. */
const FAT_PLAYERS = 1_200;
const FAT = JSON.stringify(
  Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`a${i}`, 'ä'.repeat(256)])),
);
const BOARDS = 20_000;
/** Arguments in one command. */
const CHUNK = 1_000;

const at = (n: number) => ({ ms: 1_700_000_000_000 + n, seq: 0 });
const player = (n: number) => `player-${n}`;
const range = (count: number) => Array.from({ length: count }, (_, i) => i);

/** Fills a log's keys as projections would, without the events, which would take minutes. */
class Filler {
  constructor(readonly test: TestLog) {}

  /** All scores are equal. */
  async board(
    board: string,
    count: number,
    fields: Partial<BoardDefinition> = {},
    attributes = '',
  ): Promise<void> {
    const { redis, topology } = this.test;
    const definition = { ...DEFAULT_DEFINITION, ...fields };
    const places = shardsOf(topology, board, definition.shards);
    const text = formatBoard({
      ...{
        definedBy: at(0),
        countsAfter: undefined,
        sourceCountsAfter: undefined,
        createdBy: undefined,
        state: 'here',
        definition,
      },
    });
    for (const keys of places) {
      await redis.hset(stateKeys(keys, 1).rules(), `b:${board}`, text, `q:${board}`, '-');
      await redis.hset(keys.definitions(), board, `1700000000000-0 - ${JSON.stringify(definition)}`);
    }
    const shares = Map.groupBy(range(count), n => this.placeOf(places, n));
    for (const [keys, numbers] of shares) {
      const state = stateKeys(keys, 1);
      const ranks = numbers.flatMap(n => ['5', orderOf(at(n)) + player(n)]);
      await this.inChunks(ranks, some => redis.zadd(ranksKey(state, board), ...some));
      const runs = numbers.flatMap(n => [player(n), `${orderOf(at(n))} 5${attributes}`]);
      await this.inChunks(runs, some => redis.hset(runsKey(state, board), ...some));
      await redis.zadd(levelsKey(state, board), 5, 5);
    }
  }

  async inChunks<T>(all: readonly T[], write: (some: T[]) => Promise<unknown>): Promise<void> {
    for (let from = 0; from < all.length; from += CHUNK) {
      const some = all.slice(from, from + CHUNK);
      // On a machine whose disk is busy, one can be late; twice, it writes the same.
      await write(some).catch(() => write(some));
    }
  }

  /** Readers look for a run where the routing says; it is enough that about as many are in each shard. */
  private placeOf(places: readonly PartitionKeys[], n: number): PartitionKeys {
    const { topology } = this.test;
    return places.length === 1 ? (places[0] as PartitionKeys) : topology.of('scores', player(n));
  }
}

describe('the longest time for which one command holds Redis', () => {
  let test: TestLog;
  let filler: Filler;
  beforeAll(async () => {
    test = await openTestLog({ scores: PARTITIONS, players: 2 });
    filler = new Filler(test);
  });
  afterAll(() => test.close());

  const expectShort = async (work: () => Promise<unknown>, log = test) => {
    const hold = await longestHold(log, work);
    expect(hold.command).not.toBe('none');
    if (hold.milliseconds > BOUND) throw new Error(`${hold.milliseconds} ms: ${hold.command}`);
  };

  describe.each([
    ['in one place', {}],
    ['with dense ranks', { ranking: 'dense' }],
    ['with ordinal ranks over shards', { ranking: 'ordinal', shards: PARTITIONS }],
    ['over shards', { shards: PARTITIONS }],
  ] as const)('on a board of equal scores %s', (name, fields) => {
    const board = name.replaceAll(' ', '-');
    let reader: LeaderboardReader;
    beforeAll(async () => {
      await filler.board(board, PLAYERS, fields);
      reader = new LeaderboardReader(test.redis, test.topology);
    });

    const many = range(1_000).map(n => player(7 * n));

    it('is short for lookups of a thousand players, several at once', async () => {
      await expectShort(() => Promise.all(range(4).map(() => reader.lookup(board, many))));
    });

    it('is short for the longest pages, deep ones too, many at once', async () => {
      await expectShort(() =>
        Promise.all(range(8).map(i => reader.read(board, { from: { offset: i * 2_000 }, length: 1_000 }))),
      );
    });

    it('is short for the neighbours of a player, of a score, and behind a cursor', async () => {
      const { next } = await reader.read(board, { from: { offset: PLAYERS / 2 }, length: 1 });
      await expectShort(async () => {
        await reader.read(board, { from: { around: player(PLAYERS / 2) }, length: 1_001 });
        await reader.read(board, { from: { score: 5 }, length: 1_000 });
        await reader.read(board, { from: { after: next ?? '' }, length: 1_000 });
      });
    });
  });

  it.each([
    ['in one place', {}],
    ['over shards', { shards: PARTITIONS }],
  ] as const)('is short where every run has as many attributes as it may, %s', async (name, fields) => {
    const board = `fat-${name.replaceAll(' ', '-')}`;
    await filler.board(board, FAT_PLAYERS, fields, ` ${FAT}`);
    const reader = new LeaderboardReader(test.redis, test.topology);
    const { entries } = await reader.read(board, { from: { offset: 0 }, length: 1_000 });
    if (name === 'in one place') expect(entries).toHaveLength(1_000);
    await expectShort(async () => {
      await reader.read(board, { from: { offset: 0 }, length: 1_000 });
      await reader.lookup(board, range(1_000).map(player));
    });
  });

  it('is short for the list of very many boards, and for whoever reads all rules', async () => {
    const { redis, topology } = test;
    const names = range(BOARDS).map(n => `many-${n}`);
    for (const [keys, own] of Map.groupBy(names, name => topology.of('scores', name))) {
      const fields = own.flatMap(name => [name, ' scored']);
      await filler.inChunks(fields, some => redis.hset(keys.definitions(), ...some));
      const rules = fields.flatMap((name, i) => (i % 2 === 0 ? [`q:${name}`, '-'] : []));
      await filler.inChunks(rules, some => redis.hset(stateKeys(keys, 1).rules(), ...some));
    }
    const [keys] = topology.all('scores') as [PartitionKeys];
    await expectShort(async () => {
      const { boards } = await new LeaderboardReader(redis, topology).boards(undefined, 100);
      expect(boards).toHaveLength(100);
      await readWholeHash(redis, stateKeys(keys, 1).rules());
    });
  });

  it('is short for whoever defines and removes a board beside very many, all in one partition', async () => {
    const crowded = await openTestLog({ scores: 1, players: 1 });
    const { redis, topology } = crowded;
    const [keys] = topology.all('scores') as [PartitionKeys];
    const crowd = range(5 * BOARDS).flatMap(n => [`crowd-${n}`, ' scored']);
    await filler.inChunks(crowd, some => redis.hset(keys.definitions(), ...some));
    const catalog = new BoardCatalog(redis, topology);
    await expectShort(async () => {
      await catalog.define('one', { ...DEFAULT_DEFINITION, source: 'crowd-0' }, { actor: SERVER });
      await catalog.remove('one', { actor: SERVER });
    }, crowded);
    await crowded.close();
  });

  it('is short for a search of documents for many words, and for a common beginning of names', async () => {
    const { redis, topology } = test;
    const words = range(32).map(n => `w${n}`);
    for (const keys of topology.all('players')) {
      const players = range(1_500).map(n => `player-${keys.partition}-${n}`);
      const members = players.flatMap(name => ['', ...words].flatMap(word => ['0', `${word}\0${name}`]));
      await filler.inChunks(members, some =>
        redis.zadd(searchTermsKey(stateKeys(keys, 1), 'cache-quest:player'), ...some),
      );
      const names = players.flatMap(name => ['0', `same name\0${name}`]);
      await filler.inChunks(names, some =>
        redis.zadd(searchTermsKey(stateKeys(keys, 1), 'profiles'), ...some),
      );
    }
    const search = new SaveSearch(redis, topology);
    const { total } = await search.find('cache-quest:player', { words: words.join(' '), limit: 100 });
    expect(total).toBeGreaterThan(2_000);
    await expectShort(async () => {
      await search.find('cache-quest:player', { words: words.join(' '), limit: 100 });
      await search.find('cache-quest:player', { limit: 100 });
      await new NameSearch(redis, topology).find('same', { limit: 100 });
    });
  });

  it('is short for the names and profiles of very many players, several lists at once', async () => {
    const { redis, topology } = test;
    const all = range(1_000).map(player);
    for (const [keys, players] of Map.groupBy(all, name => topology.of('players', name))) {
      const state = stateKeys(keys, 1);
      await filler.inChunks(
        players.flatMap(name => [name, 'n'.repeat(64)]),
        some => redis.hset(namesKey(state), ...some),
      );
      await filler.inChunks(
        players.flatMap(name => [name, `1 ${JSON.stringify({ x: 'y'.repeat(8_000) })}`]),
        some => redis.hset(profilesKey(state), ...some),
      );
    }
    const profiles = new ProfileReader(redis, topology);
    await expectShort(() => Promise.all(range(20).map(() => profiles.names(all))));
  });

  it('is short for pages of the log, whatever is in it', async () => {
    const { redis, topology } = test;
    const [keys] = topology.all('players') as [PartitionKeys];
    const document = JSON.stringify({ text: '"'.repeat(100_000) });
    for (const n of range(1_500))
      await redis.xadd(keys.stream, `${n + 1}-0`, 'e', '["w1","p:ada","ada","auto"]');
    for (const n of range(40)) await redis.xadd(keys.stream, `${n + 2_000}-0`, 'e', '[]', 'd', document);
    for (const [command, from, to] of [
      ['XRANGE', '-', '+'],
      ['XRANGE', '1500-0', '+'],
      ['XREVRANGE', '+', '-'],
    ] as const) {
      const { entries } = await readStreamPage(redis, [keys.stream, keys.archive()], command, from, to);
      const long = entries.find(([, fields]) => fields[2] === 'd');
      if (long) expect(long[1][3]).toBe(document);
      await expectShort(() => readStreamPage(redis, [keys.stream, keys.archive()], command, from, to));
    }
  });

  it('is short for a player on very many boards, with very many slots, and very many versions', async () => {
    const { redis, topology } = test;
    const [scores] = topology.all('scores') as [PartitionKeys];
    const document = '7 {"highest":5,"lowest":5,"sum":["5",0],"firstAt":1,"recent":[["1-0",5]]}';
    const boards = range(5_000).flatMap(n => [`many-${n}`, document]);
    await filler.inChunks(boards, some => redis.hset(scoresKey(stateKeys(scores, 1), 'ada'), ...some));
    const keys = topology.of('players', 'ada');
    const slots = range(5_000).flatMap(n => [`slot-${n}`, '1 1700000000000 10']);
    await filler.inChunks(slots, some => redis.hset(slotsKey(stateKeys(keys, 1), 'ada'), ...some));
    const saves = new SaveReader(redis, topology);
    await expectShort(async () => {
      await new ScoreDocumentReader(redis, topology).boards('ada');
      await saves.list('ada');
      await saves.history('ada', 'slot-1', 100_000, 100);
    });
  });

  it('is short while very many players are erased', async () => {
    const { redis, topology } = test;
    const [keys] = topology.all('scores') as [PartitionKeys];
    await redis.xgroup('CREATE', keys.stream, 'group', '0', 'MKSTREAM');
    const erasing = range(10_000).flatMap(n => [player(n), `${n + 1}-0`]);
    await filler.inChunks(erasing, some => redis.hset(keys.erasing(), ...some));
    const list = scriptNamed<[string, string[]]>('list-erasing');
    const applied = scriptNamed<string>('applied');
    const ids = JSON.stringify(range(250).map(n => `${n + 1}-0`));
    await expectShort(async () => {
      await list.run(redis, [keys.erasing(), keys.erasures()], [1, 0]);
      await applied.run(redis, [keys.stream, keys.erasing(), keys.skipped('group')], ['["group"]', ids]);
    });
  });
});
