import fc from 'fast-check';
import { InvalidCursorError } from '#libs/event-log';
import type { JsonObject, RecordedEvent } from '#libs/events';
import { type JobOrder, JobRunner, Jobs, type PlayerEvent, saves } from '#libs/maintenance';
import { NameSearch } from '#libs/players';
import { type DocumentStoreName, Projector, stateKeys } from '#libs/projections';
import { CACHE_QUEST_GAME as GAME, CACHE_QUEST_PLAYER as PLAYER, SaveSearch } from '#libs/saves';
import {
  cut,
  deliver,
  openTestLog,
  QUIET,
  SERVER,
  shuffled,
  stateOf,
  type TestLog,
  Workers,
} from '#libs/testing';
import { prepareDocuments } from './document-choice.js';
import { documentStoreOf } from './document-store.js';
import { documentIndex } from './index-keys.js';
import { searchTermsKey } from './keys.js';

/** The best store that the server of this run offers. */
const server = await openTestLog().then(async test => {
  const store = await documentStoreOf(test.redis);
  await test.close();
  return store;
});

/** Every store must pass this suite. A store that the server does not offer is reported as skipped. */
const suiteOf = (store: DocumentStoreName) =>
  store === 'json' && server !== 'json' ? describe.skip : describe;

describe.each<[string, DocumentStoreName]>([
  ['in sorted sets', 'plain'],
  ['as JSON values with an index', 'json'],
])('players whose documents are kept %s', (_, store) => {
  const title =
    store === 'json'
      ? 'on a server with RedisJSON and Redis Search (point TEST_REDIS_URL at one)'
      : 'on any server';
  suiteOf(store)(title, () => searchSuite(store));
});

function searchSuite(store: DocumentStoreName): void {
  let test: TestLog;
  let names: NameSearch;
  let documents: SaveSearch;
  beforeEach(async () => {
    test = await openTestLog({ scores: 1, players: 3 });
    names = new NameSearch(test.redis, test.topology);
    documents = new SaveSearch(test.redis, test.topology);
    if (store === 'json') await prepareDocuments(test.redis, test.topology);
  });
  afterEach(async () => {
    if (store === 'json') await test.redis.call('FT.DROPINDEX', documentIndex(test.prefix));
    await test.close();
  });

  const patch = (player: string, patch: JsonObject) =>
    test.log.append({ type: 'ProfilePatched', data: { player, patch }, actor: SERVER });
  const name = (player: string, name: string | null) => patch(player, { name });
  const save = (player: string, document: string, slot: string = PLAYER) =>
    test.log.append({ type: 'SaveWritten', data: { player, slot, document }, actor: SERVER });
  const remove = (player: string, slot: string = PLAYER) =>
    test.log.append({ type: 'SaveDeleted', data: { player, slot }, actor: SERVER });
  const project = async () => {
    for (const keys of test.topology.all(saves.stream)) {
      const events = await deliver<PlayerEvent>(test, keys, saves.name);
      await new Projector(test.redis, saves).apply(events, { keys, group: saves.name });
    }
  };
  const run = async (order: JobOrder) => {
    const jobs = new Jobs(test.redis, test.topology);
    const job = await jobs.start(saves, order);
    await new JobRunner(test.redis, test.topology, saves, QUIET).run(job);
    return jobs.find(job.id);
  };
  const verify = async () => (await run({ kind: 'verify' }))?.result?.examples;
  const found = async (beginning: string) => (await names.find(beginning, { limit: 100 })).players;
  const having = async (words?: string, slot: typeof PLAYER | typeof GAME = PLAYER) =>
    (await documents.find(slot, { words, limit: 100 })).players;

  describe('by name', () => {
    /** Reads all pages of the given size. */
    const pages = async (beginning: string, limit: number) => {
      const pages: (readonly string[])[] = [];
      let cursor: string | undefined;
      do {
        const { players, next } = await names.find(beginning, { limit, cursor });
        pages.push(players);
        cursor = next;
      } while (cursor !== undefined);
      return pages;
    };

    it('finds names that begin with the text, ignoring case', async () => {
      await name('p1', 'Hercules');
      await name('p2', 'hermione');
      await name('p3', 'HER');
      await name('p4', 'Sherlock');
      await name('p5', 'He');
      await patch('her', { country: 'GB' });
      await project();
      expect(await found('hEr')).toEqual(['p3', 'p1', 'p2']);
      expect(await found('h')).toEqual(['p5', 'p3', 'p1', 'p2']);
      expect(await found('herx')).toEqual([]);
      expect(await found(' \u200b')).toEqual([]);
    });

    it('orders names by their bytes, and equal names by player, across all partitions', async () => {
      const names = ['a', 'a b', 'a!', 'ab', 'a\u00e9', 'a\uffff', 'a\u{1F600}', 'a\u{10FFFF}'];
      for (const [i, text] of names.entries()) for (const p of ['x', 'y', 'z']) await name(`${p}${i}`, text);
      await project();
      const expected = names.flatMap((_, i) => [`x${i}`, `y${i}`, `z${i}`]);
      expect(await found('a')).toEqual(expected);
      for (const limit of [1, 2, 5, 24]) {
        const all = await pages('A', limit);
        expect(all.flat()).toEqual(expected);
        expect(all.slice(0, -1).every(page => page.length === limit)).toBe(true);
        expect(all).toHaveLength(Math.ceil(24 / limit));
      }
    });

    it('finds more than a thousand names with the same beginning, page by page', async () => {
      const ids = Array.from({ length: 1_200 }, (_, i) => `p${1000 + i}`);
      await Promise.all(ids.map(id => name(id, `Player ${id}`)));
      for (let i = 0; i < 20; i++) await project();
      expect((await pages('player p', 100)).flat()).toEqual(ids);
    });

    it('treats the query as plain text, also characters with a meaning to the index', async () => {
      const names = ['*', '%', '[a', '(a', '{a|b}', '-', '+', '@n:{x}', '\\', '"', '$', '~~', 'a*', '_'];
      for (const [i, text] of names.entries()) await name(`p${i}`, text);
      await project();
      for (const [i, text] of names.entries()) expect(await found(text)).toEqual([`p${i}`]);
      expect(await found('a')).toEqual(['p12']);
    });

    it('continues after a page although players were added, removed, and renamed', async () => {
      for (const id of ['b', 'd', 'f', 'h', 'j']) await name(id, `N${id}`);
      await project();
      const { players, next } = await names.find('n', { limit: 3 });
      expect(players).toEqual(['b', 'd', 'f']);
      for (const id of ['b', 'f', 'h']) await name(id, null);
      for (const id of ['a', 'c', 'g']) await name(id, `N${id}`);
      await project();
      expect(await names.find('n', { limit: 3, cursor: next })).toEqual({ players: ['g', 'j'] });
    });

    it.each([
      'x',
      '',
      '!',
      Buffer.from('no').toString('base64url'),
      Buffer.from('z\0p').toString('base64url'),
    ])('refuses the cursor %j, that no page of this name gave', async cursor => {
      await expect(names.find('ada', { limit: 1, cursor })).rejects.toThrow(InvalidCursorError);
    });
  });

  describe('by document', () => {
    it('finds a document by every word of its name, in any order and case', async () => {
      await save('p1', '{"name":"Ada King Lovelace"}');
      await save('p2', '{"name":"king Arthur"}');
      await save('p3', '{"name":"kingdom"}');
      await save('p4', '{"name":"\u{1F600} ada-king"}');
      await project();
      expect(await having('king')).toEqual(['p1', 'p2', 'p4']);
      expect(await having('KING, ada')).toEqual(['p1', 'p4']);
      expect(await having('\u{1F600}')).toEqual(['p4']);
      expect(await having('ada arthur')).toEqual([]);
      expect(await having('kin')).toEqual([]);
      expect(await having(' .* ')).toEqual([]);
      expect(await documents.find(PLAYER, { words: 'king', limit: 2 })).toEqual({
        total: 3,
        players: ['p1', 'p2'],
      });
    });

    it('lists all documents of a slot, also those without a name', async () => {
      await save('p1', '{"name":"Ada"}');
      await save('p2', '{"name":{"ada":"ada"}}');
      await save('p3', '{}');
      await save('p4', '{"name":"Ada"}', GAME);
      await save('p5', '{"name":"Ada"}', 'auto');
      await name('p6', 'Ada');
      await project();
      expect(await having()).toEqual(['p1', 'p2', 'p3']);
      expect(await documents.find(PLAYER, { limit: 1 })).toEqual({ total: 3, players: ['p1'] });
      expect(await having(undefined, GAME)).toEqual(['p4']);
      expect(await having('ada', GAME)).toEqual([]);
      expect(await having('ada')).toEqual(['p1']);
      expect(await found('ada')).toEqual(['p6']);
    });

    it('finds the document of a given player if it has the words', async () => {
      await save('p.1:a-b', '{"name":"Ada King"}');
      await save('p2', '{"name":"Ada"}');
      await project();
      const of = async (player: string, words?: string) =>
        documents.find(PLAYER, { player, ...(words !== undefined && { words }), limit: 9 });
      expect(await of('p.1:a-b')).toEqual({ total: 1, players: ['p.1:a-b'] });
      expect(await of('p.1:a-b', 'king')).toEqual({ total: 1, players: ['p.1:a-b'] });
      expect(await of('p2', 'king')).toEqual({ total: 0, players: [] });
      expect(await of('p3')).toEqual({ total: 0, players: [] });
    });

    it('finds a document by its current name only', async () => {
      await save('p1', '{"name":"Ada King"}');
      await save('p2', '{"name":"Ada"}');
      await project();
      await save('p1', '{"name":"Ada Lovelace"}');
      await remove('p2');
      await project();
      expect(await having()).toEqual(['p1']);
      expect(await having('ada')).toEqual(['p1']);
      expect(await having('king')).toEqual([]);
      await save('p2', '{"name":"Back"}');
      await project();
      expect(await having('back')).toEqual(['p2']);
      expect(await verify()).toEqual([]);
    });
  });

  it('replaces another store in a rebuild', async () => {
    await name('p1', 'Ada');
    const lives = test.topology.all(saves.stream).map(keys => keys.live(saves.name));
    const other = store === 'json' ? 'plain' : 'json';
    for (const live of lives) await test.redis.hset(live, { documents: other });
    expect(await run({ kind: 'rebuild' })).toMatchObject({ state: 'done' });
    expect(await test.redis.hget(test.topology.of(saves.stream, 'p1').live(saves.name), 'documents')).toBe(
      store,
    );
    for (const live of lives) await test.redis.hset(live, { documents: store });
    expect(await found('ada')).toEqual(['p1']);
    expect(await verify()).toEqual([]);
  });

  it('finds the same after a rebuild', async () => {
    await name('p1', 'Ada');
    await name('p2', 'Adam');
    await name('p2', 'Eve');
    await save('p3', '{"name":"Ada"}');
    await save('p4', '{"name":"Ada"}');
    await remove('p4');
    await project();
    expect(await verify()).toEqual([]);
    expect(await run({ kind: 'rebuild' })).toMatchObject({ state: 'done' });
    expect(await verify()).toEqual([]);
    expect(await found('a')).toEqual(['p1']);
    expect(await having('ada')).toEqual(['p3']);
    expect(await having()).toEqual(['p3']);
  });
}

describe('the document index', () => {
  let workers: Workers;
  beforeEach(async () => {
    workers = await Workers.open();
  });
  afterEach(() => workers.close());

  const run = async (order: JobOrder) => {
    const { redis, topology } = workers.test;
    const jobs = new Jobs(redis, topology);
    const job = await jobs.start(saves, order);
    await new JobRunner(redis, topology, saves, QUIET).run(job);
    return jobs.find(job.id);
  };

  it('is compared with the log by verify', async () => {
    const { redis } = workers.test;
    const verify = async () => (await run({ kind: 'verify' }))?.result?.examples;
    await workers.append('ProfilePatched', { player: 'p1', patch: { name: 'Ada' } });
    await workers.project(saves, await deliver<PlayerEvent>(workers.test, workers.players, saves.name));
    expect(await verify()).toEqual([]);
    const key = searchTermsKey(stateKeys(workers.players, 1), 'profiles');
    await redis.zadd(key, 0, 'eve\0p1');
    expect(await verify()).toMatchObject([{ key, expected: '1', actual: '2' }]);
    await redis.zrem(key, 'ada\0p1');
    expect(await verify()).toMatchObject([{ field: 'ada\0p1' }]);
  });

  (server === 'json' ? it.skip : it)(
    'in a store that the server has not is refused until a rebuild',
    async () => {
      const { redis, topology } = workers.test;
      await workers.append('ProfilePatched', { player: 'p1', patch: { name: 'Ada' } });
      await redis.hset(workers.players.live(saves.name), { documents: 'json' });
      await expect(prepareDocuments(redis, topology)).rejects.toThrow(/npm run rebuild -- saves/);
      expect(await run({ kind: 'rebuild' })).toMatchObject({ state: 'done' });
      expect(await prepareDocuments(redis, topology)).toBe(false);
      const search = new NameSearch(redis, topology);
      expect((await search.find('ada', { limit: 1 })).players).toEqual(['p1']);
    },
  );

  it('uses the best store from the first event on, and keeps it until a rebuild', async () => {
    const { redis, topology } = workers.test;
    const live = workers.players.live(saves.name);
    await redis.hset(live, { documents: server === 'json' ? 'plain' : 'json' });
    expect(await prepareDocuments(redis, topology)).toBe(false);
    expect(await redis.hget(live, 'documents')).toBe(server);
    await redis.hset(live, { documents: 'plain' });
    await workers.append('ProfilePatched', { player: 'p1', patch: { name: 'Ada' } });
    expect(await prepareDocuments(redis, topology)).toBe(server === 'json');
    expect(await redis.hget(live, 'documents')).toBe('plain');
    if (server === 'json') await redis.call('FT.DROPINDEX', documentIndex(workers.test.prefix));
  });

  type Step = { slot?: string; document?: string; name?: string | null };
  const texts = fc.constantFrom('', 'Ada', 'ADA king', 'Eve', '\u{1F600}}', ' ');
  const step: fc.Arbitrary<Step> = fc.oneof(
    texts.map(name => ({ slot: PLAYER, document: JSON.stringify({ name }) })),
    fc.constantFrom(PLAYER, GAME).chain(slot => fc.constantFrom({ slot }, { slot, document: '{}' })),
    fc.option(texts).map(name => ({ name })),
  );

  it(
    'is what a rebuild makes of the log, whatever two workers were given, in which order and how often',
    () =>
      fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(fc.constantFrom('ada', 'bob'), step), { minLength: 1, maxLength: 10 }),
          fc.gen(),
          async (steps, any) => {
            const workers = await Workers.open();
            try {
              for (const [player, { slot, document, name }] of steps) {
                if (slot === undefined)
                  await workers.append('ProfilePatched', { player, patch: { name: name ?? null } });
                else if (document === undefined) await workers.append('SaveDeleted', { player, slot });
                else await workers.append('SaveWritten', { player, slot, document });
              }
              const events = await deliver<PlayerEvent>(workers.test, workers.players, saves.name);
              const share = (): RecordedEvent<PlayerEvent>[][] => any(cut, any(shuffled, events));
              await workers.projectTogether(saves, [share(), share()]);
              const live = await stateOf(workers.test, workers.players, 1);
              const jobs = new Jobs(workers.test.redis, workers.test.topology);
              const job = await jobs.start(saves, { kind: 'rebuild' });
              await new JobRunner(workers.test.redis, workers.test.topology, saves, QUIET).run(job);
              expect(await stateOf(workers.test, workers.players, 2)).toEqual(live);
            } finally {
              await workers.close();
            }
          },
        ),
        { numRuns: 20 },
      ),
    30_000,
  );
});
