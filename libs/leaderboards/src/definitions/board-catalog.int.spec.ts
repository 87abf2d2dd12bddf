import {
  type Appended,
  BoardInUseError,
  BoardScoredError,
  type BoardUse,
  DefinitionChangedError,
} from '#libs/event-log';
import {
  DEFAULT_DEFINITION,
  formatEventId,
  type NewEvent,
  type RecordedEvent,
  unpackEvent,
} from '#libs/events';
import { openTestLog, SERVER, type TestLog } from '#libs/testing';
import { ShardsFixedError } from '../errors.js';
import { BoardCatalog } from './board-catalog.js';
import { definitionIdOf } from './defined-board.js';

/** With four partitions, each of these boards has another partition, except that `twin` is in the one of `home`. */
const PARTITIONS = 4;

describe('the board catalog', () => {
  let test: TestLog;
  let catalog: BoardCatalog;
  let other: BoardCatalog;
  let home: string;
  let far: string;
  let farther: string;
  let twin: string;
  beforeEach(async () => {
    test = await openTestLog({ scores: PARTITIONS, players: 1 });
    catalog = new BoardCatalog(test.redis, test.topology);
    other = new BoardCatalog(test.redis, test.topology);
    const named = (...partitions: number[]) =>
      Array.from({ length: 100 }, (_, i) => `board-${i}`).filter(board =>
        partitions.includes(partitionOf(board)),
      );
    [home, twin] = named(0) as [string, string];
    [far] = named(1) as [string];
    [farther] = named(2) as [string];
  });
  afterEach(() => test.close());

  const partitionOf = (board: string) => test.topology.of('scores', board).partition;
  const from = (source?: string) => ({ ...DEFAULT_DEFINITION, ...(source !== undefined && { source }) });
  const by = (idempotencyKey?: string) => ({ actor: SERVER, ...(idempotencyKey && { idempotencyKey }) });
  const idOf = ({ ref }: Appended) => formatEventId(ref.id);

  const append = <T extends 'BoardDefined' | 'BoardRemoved'>(
    type: T,
    data: NewEvent<T>['data'],
    use: BoardUse,
  ) => test.log.append({ type, data, actor: SERVER } as NewEvent<T>, { use });

  /** The events of every partition in short form: `b` or `d`, the source, and `'` for a copy. */
  const events = () =>
    Promise.all(
      test.topology.all('scores').map(async ({ stream }) => {
        const entries = await test.redis.xrange(stream, '-', '+');
        return entries
          .map(([id, fields]) => unpackEvent(id, fields))
          .map(event => {
            const { type, data } = event as RecordedEvent<'BoardDefined'>;
            const what = type === 'BoardDefined' ? `b:${data.definition.source ?? ''}` : 'd';
            return data.first ? `${what}'` : what;
          });
      }),
    );
  /** The partitions that have a definition of `home`, and the event that defined it there. */
  const places = async () => {
    const texts = await Promise.all(
      test.topology.all('scores').map(keys => test.redis.hget(keys.definitions(), home)),
    );
    return texts.flatMap((text, partition) => (text ? [`${partition} ${text.split(' ')[0]}`] : []));
  };

  it('returns the default definition for a board that was never defined', async () => {
    expect(catalog.cachedOrDefault(home)).toEqual({ definition: DEFAULT_DEFINITION });
    expect(await catalog.find(home)).toEqual({ definition: DEFAULT_DEFINITION });
    expect(await catalog.all()).toEqual(new Map());
  });

  it('caches definitions that it read or was given', async () => {
    const { ref } = await other.define(home, { ...from(), max: 5 }, by());
    expect(catalog.cachedOrDefault(home)).toEqual({ definition: DEFAULT_DEFINITION });
    const found = { definedBy: ref.id, definition: { ...from(), max: 5 } };
    expect(await catalog.find(home)).toEqual(found);
    await other.define(home, { ...from(), max: 6 }, by());
    expect(catalog.cachedOrDefault(home)).toEqual(found);
    const told = catalog.correct(home, `7-0 - ${JSON.stringify(from())}`);
    expect(told).toEqual({ definedBy: { ms: 7, seq: 0 }, definition: from() });
    expect(catalog.cachedOrDefault(home)).toEqual(told);
    catalog.correct(home, '');
    expect(catalog.cachedOrDefault(home)).toEqual({ definition: DEFAULT_DEFINITION });
  });

  it('evicts the boards that were not used for longest', () => {
    const small = new BoardCatalog(test.redis, test.topology, 2);
    const text = `7-0 - ${JSON.stringify(from())}`;
    small.correct('a', text);
    small.correct('b', text);
    small.cachedOrDefault('a');
    small.correct('c', text);
    expect(['a', 'b', 'c'].filter(board => small.cachedOrDefault(board).definedBy)).toEqual(['a', 'c']);
  });

  it('lists each board once, whichever partitions it is in', async () => {
    await catalog.define(home, from(far), by());
    await catalog.define(far, from(), by());
    expect([...(await catalog.all()).keys()].sort()).toEqual([home, far].sort());
  });

  describe('defines', () => {
    it('a board without a source with one event', async () => {
      const appended = await catalog.define(home, from(), by());
      expect(await events()).toEqual([['b:'], [], [], []]);
      expect(await places()).toEqual([`0 ${idOf(appended)}`]);
      expect(definitionIdOf(catalog.cachedOrDefault(home))).toBe(idOf(appended));
    });

    it('a board with a source in its home partition and in the partition of the source', async () => {
      const appended = await catalog.define(home, from(far), by());
      expect(await events()).toEqual([[`b:${far}`], [`b:${far}'`], [], []]);
      expect(appended.ref.partition).toBe(1);
      const first = definitionIdOf(await catalog.find(home));
      expect(await places()).toEqual([`0 ${first}`, `1 ${first}`]);
    });

    it('a board twice in its home partition if the source is in the same one', async () => {
      const appended = await catalog.define(home, from(twin), by('key'));
      expect(await events()).toEqual([[`b:${twin}`, `b:${twin}'`], [], [], []]);
      expect(idOf(appended)).not.toBe(definitionIdOf(await catalog.find(home)));
      expect(await catalog.define(home, from(twin), by('key'))).toEqual({ ...appended, replayed: true });
      expect(await places()).toHaveLength(1);
    });

    it('a board without its former source, and removes it from the partition of the source', async () => {
      await catalog.define(home, from(far), by());
      await catalog.define(home, from(farther), by());
      expect(await events()).toEqual([
        [`b:${far}`, `b:${farther}`],
        [`b:${far}'`, "d'"],
        [`b:${farther}'`],
        [],
      ]);
      const appended = await catalog.define(home, from(), by());
      expect((await events())[2]).toEqual([`b:${farther}'`, "d'"]);
      expect(appended.ref.partition).toBe(0);
      expect(await places()).toEqual([`0 ${idOf(appended)}`]);
    });

    it('a board without its former source in the same partition, and keeps the name', async () => {
      await catalog.define(home, from(twin), by());
      await catalog.define(home, from(far), by());
      expect(await events()).toEqual([[`b:${twin}`, `b:${twin}'`, `b:${far}`, "d'"], [`b:${far}'`], [], []]);
      const first = definitionIdOf(await catalog.find(home));
      expect(await places()).toEqual([`0 ${first}`, `1 ${first}`]);
    });

    it('a board once per idempotency key, whatever has happened since', async () => {
      const first = await catalog.define(home, from(far), by('key'));
      await catalog.define(home, from(farther), by());
      const before = await events();
      expect(await catalog.define(home, from(far), by('key'))).toEqual({ ...first, replayed: true });
      expect(await events()).toEqual(before);
      expect((await catalog.find(home)).definition.source).toBe(farther);
    });

    it('a board again after a crash, and repairs what the crash left behind', async () => {
      await catalog.define(home, from(far), by());
      // As after a crash between the two partitions.
      await test.log.append({
        type: 'BoardDefined',
        data: { board: home, definition: from(farther) },
        actor: SERVER,
      });
      await catalog.define(home, from(), by());
      expect((await events())[1]).toEqual([`b:${far}'`, "d'"]);
      expect(await places()).toHaveLength(1);
    });

    it('a board at the same time as others, and the last definition is in force everywhere', async () => {
      await Promise.all([
        catalog.define(home, { ...from(far), max: 1 }, by()),
        other.define(home, { ...from(far), max: 2 }, by()),
        new BoardCatalog(test.redis, test.topology).define(home, { ...from(far), max: 3 }, by()),
      ]);
      const [atHome, copies] = await events();
      expect([atHome?.length, copies?.length]).toEqual([3, 3]);
      const last = definitionIdOf(await catalog.find(home));
      expect(await places()).toEqual([`0 ${last}`, `1 ${last}`]);
    });
  });

  describe('with shards, defines', () => {
    const spread = (shards: number, more = {}) => ({ ...DEFAULT_DEFINITION, shards, ...more });

    it('a board in its home partition first, and then in every other shard', async () => {
      const appended = await catalog.define(home, spread(3), by('key'));
      expect(await events()).toEqual([['b:'], ["b:'"], ["b:'"], []]);
      expect(appended.ref.partition).toBe('all');
      const first = definitionIdOf(await catalog.find(home));
      expect(await places()).toEqual([`0 ${first}`, `1 ${first}`, `2 ${first}`]);
      expect(await catalog.define(home, spread(3), by('key'))).toEqual({ ...appended, replayed: true });
      expect(await events()).toEqual([['b:'], ["b:'"], ["b:'"], []]);
    });

    it('a board again and again, and keeps the event that created it', async () => {
      await catalog.define(home, spread(2), by());
      const { definedBy: created } = await catalog.find(home);
      await catalog.define(home, spread(2, { max: 5 }), by());
      expect(await catalog.find(home)).toMatchObject({ createdBy: created });
      await catalog.remove(home, by());
      expect(await places()).toEqual([]);
      await catalog.define(home, spread(2), by());
      const { definedBy, createdBy } = await catalog.find(home);
      expect(createdBy).toEqual(definedBy);
      expect(await events()).toEqual([['b:', 'b:', 'd', 'b:'], ["b:'", "b:'", "d'", "b:'"], [], []]);
    });

    it('nothing when an old request is repeated after the board was removed', async () => {
      const first = await catalog.define(home, spread(2), by('key'));
      await catalog.remove(home, by());
      const before = await events();
      expect(await catalog.define(home, spread(2), by('key'))).toMatchObject({ replayed: true });
      expect(first.replayed).toBe(false);
      expect(await events()).toEqual(before);
      expect(await places()).toEqual([]);
    });

    it('a derived board in all shards of its source, and removes it there', async () => {
      await catalog.define(home, spread(3), by());
      await catalog.define(far, from(home), by());
      const copies = await Promise.all(
        test.topology.all('scores').map(keys => test.redis.hexists(keys.definitions(), far)),
      );
      expect(copies).toEqual([1, 1, 1, 0]);
      expect(await events()).toEqual([
        ['b:', `b:${home}'`],
        ["b:'", `b:${home}`, `b:${home}'`],
        ["b:'", `b:${home}'`],
        [],
      ]);
      await catalog.remove(far, by());
      const left = await Promise.all(
        test.topology.all('scores').map(keys => test.redis.hexists(keys.definitions(), far)),
      );
      expect(left).toEqual([0, 0, 0, 0]);
    });

    it('only a board without scores', async () => {
      const submit = () =>
        test.log.append(
          { type: 'ScoreSubmitted', data: { board: home, player: 'ada', score: 1 }, actor: SERVER },
          { definedBy: '' },
        );
      await submit();
      await submit();
      await expect(catalog.define(home, spread(2), by())).rejects.toThrow(BoardScoredError);
      expect(await catalog.all()).toEqual(new Map());
      expect(await catalog.find(home)).toEqual({ definition: DEFAULT_DEFINITION });
      await catalog.remove(home, by());
      await catalog.define(home, spread(2), by());
      await expect(catalog.define(home, spread(4), by())).rejects.toThrow(ShardsFixedError);
      await expect(catalog.define(home, from(), by())).rejects.toThrow(ShardsFixedError);
    });
  });

  describe('removes', () => {
    it('a board with one event', async () => {
      await catalog.define(home, from(), by());
      const appended = await catalog.remove(home, by());
      expect(appended.ref.partition).toBe(0);
      expect(await events()).toEqual([['b:', 'd'], [], [], []]);
      expect(await places()).toEqual([]);
      expect(catalog.cachedOrDefault(home)).toEqual({ definition: DEFAULT_DEFINITION });
    });

    it('a board that has scores and no definition', async () => {
      await catalog.remove(home, by());
      expect(await events()).toEqual([['d'], [], [], []]);
    });

    it.each([
      ['in another partition', () => far, 1],
      ['in its own partition', () => twin, 0],
    ])('a board from its source %s, once', async (_, source, partition) => {
      await catalog.define(home, from(source()), by());
      const appended = await catalog.remove(home, by('key'));
      expect(appended.ref.partition).toBe(0);
      expect((await events())[partition]?.at(-1)).toBe("d'");
      expect(await places()).toEqual([]);
      const before = await events();
      expect(await catalog.remove(home, by('key'))).toEqual({ ...appended, replayed: true });
      expect(await events()).toEqual(before);
    });
  });

  it.each(['is removed', 'gets a source'])(
    'rejects a change to a source while another board counts it: none %s',
    async what => {
      await catalog.define(far, from(home), by());
      const change = () =>
        what === 'is removed' ? other.remove(home, by()) : other.define(home, from(farther), by());
      await expect(change()).rejects.toThrow(BoardInUseError);
      await catalog.define(far, from(farther), by());
      await expect(change()).resolves.toMatchObject({ replayed: false });
    },
  );

  it.each([
    ['removed', (use: BoardUse) => append('BoardRemoved', { board: home }, use)],
    [
      'spread',
      (use: BoardUse) => append('BoardDefined', { board: home, definition: { ...from(), shards: 2 } }, use),
    ],
  ])(
    'looks again for boards that count one that is %s, where such have been defined since',
    async (_, change) => {
      await catalog.define(far, from(home), by());
      // The definition as another process read it before.
      await expect(change({ derivations: '0', counted: false })).rejects.toThrow(BoardInUseError);
      await catalog.remove(far, by());
      await expect(change({ derivations: '0', counted: true })).resolves.toMatchObject({ replayed: false });
    },
  );

  it('does not let a board be derived from one that is removed at the same time', async () => {
    for (let round = 0; round < 20; round++) {
      await catalog.define(home, from(), by());
      const [removed] = await Promise.allSettled([
        other.remove(home, by()),
        catalog.define(far, from(home), by()),
        other.define(farther, from(twin), by()),
      ]);
      const isThere = (await catalog.find(home)).definedBy !== undefined;
      expect(isThere).toBe(removed.status === 'rejected');
      await other.remove(far, by());
    }
  });

  it('learns from the log that a cached definition is out of date', async () => {
    const submit = () =>
      test.log.append(
        { type: 'ScoreSubmitted', data: { board: home, player: 'ada', score: 1 }, actor: SERVER },
        { definedBy: definitionIdOf(catalog.cachedOrDefault(home)) },
      );
    await submit();
    await other.define(home, { ...from(), max: 5 }, by());
    const error = await submit().catch(error => error);
    expect(error).toBeInstanceOf(DefinitionChangedError);
    expect(catalog.correct(home, error.text).definition.max).toBe(5);
    await submit();
    await other.remove(home, by());
    await expect(submit()).rejects.toMatchObject({ text: '' });
  });
});
