import { jest } from '@jest/globals';
import fc from 'fast-check';
import type { EventType, RecordedEvent } from '#libs/events';
import { createClient, type PartitionKeys, type RedisClient, WrongTypeError } from '#libs/redis';
import {
  anyScore,
  appendScores,
  cut,
  deliver,
  openTestLog,
  pendingOf,
  SERVER,
  shuffled,
  stateOf,
  type TestLog,
  testRedisUrl,
  work,
} from '#libs/testing';
import {
  leaderboards,
  type Projection,
  Projector,
  SaveReader,
  ScoreDocumentReader,
  saves,
  scoreDocuments,
} from './index.js';
import { orderOf } from './leaderboards/tie-break.js';

jest.setTimeout(30_000);

type SaveEvent = RecordedEvent<'SaveWritten'>;
type Score = { board?: string; player: string; score: number };

const submissions = (maxLength: number) =>
  fc.array(fc.record({ player: fc.constantFrom('a', 'b', 'c'), score: anyScore }), {
    minLength: 1,
    maxLength,
  });

const ofScores = [
  ['leaderboards', leaderboards],
  ['score documents', scoreDocuments],
] as [string, Projection<unknown, 'ScoreSubmitted'>][];

/** What the pure fold makes of events: the fields of every hash, as they are to be kept. */
function foldOf<State, T extends EventType>(
  projection: Projection<State, T>,
  events: readonly RecordedEvent<T>[],
  keys: PartitionKeys,
): Record<string, Record<string, string>> {
  const states = new Map<string, State>();
  const folded: Record<string, Record<string, string>> = {};
  for (const event of events) {
    const { key, field } = projection.address(event, keys);
    const state = projection.evolve(states.get(`${key}/${field}`), event);
    states.set(`${key}/${field}`, state);
    folded[key] = { ...folded[key], [field]: projection.format(state) };
  }
  return folded;
}

describe('a projector', () => {
  let test: TestLog;
  let second: RedisClient;
  let scores: PartitionKeys;
  let players: PartitionKeys;
  beforeEach(async () => {
    test = await openTestLog({ scores: 1, players: 1 });
    second = createClient(testRedisUrl(), 'second worker');
    await second.connect();
    scores = test.topology.at('scores', 0);
    players = test.topology.at('players', 0);
  });
  afterEach(async () => {
    second.disconnect();
    await test.close();
  });

  /** Appends scores, and gives them to a group. */
  const submit = async (list: readonly Score[], group: string) => {
    await appendScores(test, list);
    return deliver<'ScoreSubmitted'>(test, scores, group);
  };

  /** Appends versions of the player's slots, by turns, and gives them to the group. */
  const save = async (versions: number, slots = ['auto']) => {
    for (let version = 1; version <= versions; version++) {
      for (const slot of slots) {
        const data = { player: 'ada', slot, document: `{"${slot}":${version}}` };
        await test.log.append({ type: 'SaveWritten', data, actor: SERVER });
      }
    }
    return deliver<'SaveWritten'>(test, players, saves.name);
  };

  const project = <State, T extends EventType>(
    projection: Projection<State, T>,
    events: readonly RecordedEvent<T>[],
    redis = test.redis,
  ) => {
    const keys = projection.stream === 'scores' ? scores : players;
    return new Projector(redis, projection).apply(events, { keys, group: projection.name });
  };

  /** Two workers, each with connection and batches of its own. `look` happens after each batch of the first. */
  async function workTogether<State, T extends EventType>(
    projection: Projection<State, T>,
    first: RecordedEvent<T>[][],
    other: RecordedEvent<T>[][],
    look: () => Promise<void> = async () => {},
  ): Promise<number> {
    const applied = await Promise.all([
      work(first, async batch => {
        const settlement = await project(projection, batch);
        await look();
        return settlement;
      }),
      work(other, batch => project(projection, batch, second)),
    ]);
    return applied[0] + applied[1];
  }

  it.each(ofScores)('keeps %s as the pure fold of the log, byte for byte', async (_, projection) => {
    const list = fc
      .sample(submissions(200), { numRuns: 4, seed: 7 })
      .flatMap((part, i) => part.map(score => ({ ...score, board: `board-${i % 3}` })));
    const events = await submit(list, projection.name);
    const settlement = await project(projection, events);
    expect(settlement).toEqual({ applied: list.length, duplicates: 0, deferred: [] });
    const { hashes } = await stateOf(test, scores);
    expect(hashes).toEqual(foldOf(projection, events, scores));
    expect(await pendingOf(test, scores, projection.name)).toBe(0);
  });

  it('ranks exactly the runs that count', async () => {
    const list = fc.sample(submissions(300), { numRuns: 1, seed: 3 })[0] ?? [];
    const events = await submit(list, leaderboards.name);
    await project(leaderboards, events.slice(0, 9));
    await project(leaderboards, events.slice(9));
    const { hashes, ranks } = await stateOf(test, scores);
    const runs = Object.entries(hashes[scores.runs('board')] ?? {});
    const expected = runs.map(([player, text]) => {
      const { run, score } = leaderboards.parse(text);
      return [orderOf(run) + player, score] as const;
    });
    expect(ranks).toEqual({ [scores.ranks('board')]: Object.fromEntries(expected) });
  });

  it('keeps saves as the pure fold of the log, and the latest document of each slot', async () => {
    const events = await save(12, ['one', 'two']);
    expect(await project(saves, events)).toEqual({ applied: 24, duplicates: 0, deferred: [] });
    expect(await stateOf(test, players)).toEqual({
      hashes: foldOf(saves, events, players),
      ranks: {},
      documents: { [players.save('ada', 'one')]: '{"one":12}', [players.save('ada', 'two')]: '{"two":12}' },
    });
    expect(await pendingOf(test, players, saves.name)).toBe(0);
  });

  it.each(ofScores)(
    'counts every event once in %s when two workers apply the same ones by turns',
    async (_, projection) => {
      let round = 0;
      await fc.assert(
        fc.asyncProperty(submissions(40), fc.gen(), async (list, any) => {
          const board = `board-${++round}`;
          const events = await submit(
            list.map(score => ({ ...score, board })),
            projection.name,
          );
          const share = () => any(cut, any(shuffled, events));
          expect(await workTogether(projection, share(), share())).toBe(events.length);
          expect((await stateOf(test, scores)).hashes).toMatchObject(foldOf(projection, events, scores));
          expect(await pendingOf(test, scores, projection.name)).toBe(0);
        }),
        { numRuns: 40, interruptAfterTimeLimit: 15_000 },
      );
    },
  );

  it('counts and sums exactly what two workers applied by turns', async () => {
    const values = Array.from({ length: 200 }, (_, i) => 2 ** (i % 40) + 0.5);
    const events = await submit(
      values.map(score => ({ player: 'ada', score })),
      scoreDocuments.name,
    );
    const [forwards, backwards] = fc.sample(fc.tuple(cut(events), cut(events.toReversed())), {
      numRuns: 1,
      seed: 1,
    })[0] ?? [[], []];
    expect(await workTogether(scoreDocuments, forwards, backwards)).toBe(200);
    const { board } = await new ScoreDocumentReader(test.redis, test.topology).find('ada');
    expect(board).toMatchObject({ count: 200, sum: values.reduce((a, b) => a + b) });
  });

  it('does not build on a state of its own that another worker was faster to replace', async () => {
    const [first, ...others] = await submit(
      [1, 20, 300].map(score => ({ player: 'ada', score })),
      scoreDocuments.name,
    );
    const events = [first, ...others] as typeof others;
    // Between the slow worker's reading and its commit, the fast one applies the first event.
    const slow = Object.create(test.redis) as RedisClient;
    let overtaken = false;
    slow.hmget = (async (key: string, ...fields: string[]) => {
      const values = await test.redis.hmget(key, ...fields);
      if (!overtaken) await project(scoreDocuments, events.slice(0, 1), second);
      overtaken = true;
      return values;
    }) as typeof slow.hmget;
    expect(await project(scoreDocuments, others, slow)).toEqual({ applied: 2, duplicates: 0, deferred: [] });
    expect((await stateOf(test, scores)).hashes).toEqual(foldOf(scoreDocuments, events, scores));
  });

  it.each([
    ['leaderboards', leaderboards],
    ['score documents', scoreDocuments],
    ['saves', saves],
  ] as const)(
    'finds only duplicates in a batch of %s that was applied before, and changes nothing',
    async (_, definition) => {
      const projection = definition as Projection<unknown>;
      const keys = projection.stream === 'scores' ? scores : players;
      const list = Array.from({ length: 30 }, (_, score) => ({ player: 'ada', score }));
      const events = await (projection.stream === 'scores' ? submit(list, projection.name) : save(30));
      expect(await project(projection, events)).toMatchObject({ applied: 30 });
      const state = await stateOf(test, keys);
      expect(await project(projection, events, second)).toEqual({ applied: 0, duplicates: 30, deferred: [] });
      expect(await stateOf(test, keys)).toEqual(state);
    },
  );

  it('counts an event once that stands twice in a batch', async () => {
    const events = await submit(
      [1, 2, 3].map(score => ({ player: 'ada', score })),
      scoreDocuments.name,
    );
    const twice = events.flatMap(event => [event, event]);
    expect(await project(scoreDocuments, twice)).toEqual({ applied: 3, duplicates: 3, deferred: [] });
    expect((await stateOf(test, scores)).hashes).toEqual(foldOf(scoreDocuments, events, scores));
  });

  it('leaves a save pending whose turn has not come', async () => {
    const [one, two, three] = (await save(3)) as [SaveEvent, SaveEvent, SaveEvent];
    expect(await project(saves, [three, two])).toEqual({
      applied: 0,
      duplicates: 0,
      deferred: [three.id, two.id],
    });
    expect(await stateOf(test, players)).toEqual({ hashes: {}, ranks: {}, documents: {} });
    expect(await pendingOf(test, players, saves.name)).toBe(3);
    expect(await project(saves, [three, one, two])).toMatchObject({ applied: 2, deferred: [three.id] });
    expect(await project(saves, [three])).toMatchObject({ applied: 1, deferred: [] });
    expect(await pendingOf(test, players, saves.name)).toBe(0);
  });

  it('lets saves take effect in the order of their versions, whatever the order of delivery to two workers', () =>
    fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 10 }), fc.gen(), async (versions, any) => {
        const slots = [0, 1].map(() => `slot-${any(fc.uuid)}`);
        const events = await save(versions, slots);
        const seen = new Map<string, number[]>();
        const look = async () => {
          for (const slot of slots) {
            const found = await new SaveReader(test.redis, test.topology).find('ada', slot);
            if (!found) continue;
            expect(found.document).toBe(`{"${slot}":${found.version}}`);
            seen.set(slot, [...(seen.get(slot) ?? []), found.version]);
          }
        };
        const share = () => any(cut, any(shuffled, events));
        expect(await workTogether(saves, share(), share(), look)).toBe(events.length);
        for (const slot of slots) {
          const versionsSeen = seen.get(slot) ?? [];
          expect(versionsSeen).toEqual(versionsSeen.toSorted((a, b) => a - b));
          expect(versionsSeen.at(-1)).toBe(versions);
        }
        expect(await pendingOf(test, players, saves.name)).toBe(0);
      }),
      { numRuns: 30, interruptAfterTimeLimit: 15_000 },
    ));

  it.each([
    ['that ranks', () => scores.ranks('bad'), ofScores[0]],
    ['of runs', () => scores.runs('bad'), ofScores[0]],
    ['of score documents', () => scores.scores('eve'), ofScores[1]],
  ] as const)('touches nothing when the key %s holds another type', async (_, key, definition) => {
    const projection = definition?.[1] ?? scoreDocuments;
    await test.redis.rpush(key(), 'a list');
    const events = await submit(
      [
        { player: 'ada', score: 1 },
        { player: 'eve', score: 2, board: 'bad' },
      ],
      projection.name,
    );
    await expect(project(projection, events)).rejects.toThrow(WrongTypeError);
    expect(await stateOf(test, scores)).toEqual({ hashes: {}, ranks: {}, documents: {} });
    expect(await pendingOf(test, scores, projection.name)).toBe(2);
  });

  it('says which events of its stream a projection does not handle', () => {
    const forgetful = { ...leaderboards, handles: [] };
    expect(() => new Projector(test.redis, forgetful)).toThrow(
      /ranking-projector does not handle ScoreSubmitted/,
    );
  });
});
