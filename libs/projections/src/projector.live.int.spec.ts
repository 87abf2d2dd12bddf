import { formatEventId, type RecordedEvent } from '#libs/events';
import { leaderboards, scoreDocuments } from '#libs/leaderboards';
import { deliver, eventually, foldOf, NO_STATE, pendingOf, stateOf, Workers } from '#libs/testing';
import { Projector } from './projector.js';

type Score = RecordedEvent<'ScoreSubmitted'>;
type Scores = [Score, Score, Score, Score];

const four = [1, 2, 3, 4].map(score => ({ player: 'ada', score }));

describe('a projector and the live generation', () => {
  let workers: Workers;
  beforeEach(async () => {
    workers = await Workers.open();
  });
  afterEach(() => workers.close());

  const group = scoreDocuments.name;
  const live = (values: Record<string, string | number>) =>
    workers.test.redis.hset(workers.scores.live(group), values);
  const submit = async () => (await workers.submit(four, group)) as Scores;
  const hashes = async (generation = 1) => (await stateOf(workers.test, workers.scores, generation)).hashes;
  const fold = (...events: Score[]) => foldOf(scoreDocuments, events, workers.scores);
  const id = (event: Score) => formatEventId(event.id);
  const pending = () => pendingOf(workers.test, workers.scores, group);

  it('writes to the live generation, also after a switch between two batches', async () => {
    const [one, two, three, four] = await submit();
    const source = { keys: workers.scores, group };
    const projector = new Projector(workers.test.redis, scoreDocuments);
    await projector.apply([one, two], source);
    await live({ generation: 2, base: id(two) });
    expect(await projector.apply([three, four], source)).toMatchObject({ applied: 2 });
    expect(await hashes(1)).toEqual(fold(one, two));
    expect(await hashes(2)).toEqual(fold(three, four));
  });

  it('reads the rules again after another worker has changed them', async () => {
    const { test, scores, second } = workers;
    const source = { keys: scores, group: leaderboards.name };
    const [one, two] = [new Projector(test.redis, leaderboards), new Projector(second, leaderboards)];
    const next = () => deliver<'ScoreSubmitted' | 'PlayerBanned'>(test, scores, leaderboards.name);
    const submit = (score: number) =>
      workers.append('ScoreSubmitted', { board: 'board', player: 'ada', score });
    for (const score of [1, 2]) {
      await submit(score);
      await one.apply(await next(), source);
    }
    await workers.append('PlayerBanned', { player: 'ada' });
    await two.apply(await next(), source);
    await submit(3);
    await one.apply(await next(), source);
    expect(await stateOf(test, scores)).toHaveProperty('ranks', {});
  });

  describe('acknowledges without a change', () => {
    it('an event that the rebuild of the generation has folded in', async () => {
      const [one, two, three, four] = await submit();
      await live({ base: id(two) });
      const settlement = await workers.project(scoreDocuments, [one, two, three, four]);
      expect(settlement).toEqual({ applied: 4, duplicates: 0, deferred: [] });
      expect(await hashes()).toEqual(fold(three, four));
      expect(await pending()).toBe(0);
    });

    it('an event that the rebuild of a board has folded in, for that board only', async () => {
      const list = ['built', 'other', 'built', 'other'].map((board, i) => ({
        board,
        player: 'ada',
        score: i,
      }));
      const [one, two, three, four] = (await workers.submit(list, leaderboards.name)) as Scores;
      await workers.test.redis.hset(workers.scores.live(leaderboards.name), { 'base:built': id(two) });
      await workers.project(leaderboards, [one, two, three, four]);
      expect(await hashes()).toEqual(foldOf(leaderboards, [two, three, four], workers.scores));
    });

    it('but applies, once, an event that was a dead letter during the rebuild', async () => {
      const { test, scores } = workers;
      const [one, two, three, four] = await submit();
      await live({ base: id(three) });
      await test.redis.hset(scores.skipped(group), id(two), 'dead 1-1', id(four), 'dead 1-2');
      await workers.project(scoreDocuments, [one, two, three, four]);
      expect(await hashes()).toEqual(fold(two, four));
      expect(await test.redis.hgetall(scores.skipped(group))).toEqual({});
    });
  });

  describe('with a barrier', () => {
    const barrier = async (event: Score, milliseconds: number) => {
      const [seconds, micros] = (await workers.test.redis.time()).map(Number) as [number, number];
      const until = seconds * 1000 + Math.floor(micros / 1000) + milliseconds;
      await live({ barrier: `${id(event)} ${until} builder` });
    };

    it('leaves events after the barrier pending, and commits those before it', async () => {
      const [one, two, three, four] = await submit();
      await barrier(two, 60_000);
      expect(await workers.project(scoreDocuments, [two, three, one, four])).toEqual({
        applied: 2,
        duplicates: 0,
        deferred: [three.id, four.id],
      });
      expect(await hashes()).toEqual(fold(one, two));
      expect(await pending()).toBe(2);
      await workers.test.redis.hdel(workers.scores.live(group), 'barrier');
      expect(await workers.project(scoreDocuments, [three, four])).toMatchObject({ applied: 2 });
      expect(await hashes()).toEqual(fold(one, two, three, four));
    });

    it('does not compute changes on top of an event that has to wait', async () => {
      const [one, two, three, four] = await submit();
      await barrier(two, 60_000);
      const settlement = await workers.project(scoreDocuments, [four, one]);
      expect(settlement).toEqual({ applied: 1, duplicates: 0, deferred: [four.id] });
      expect(await hashes()).toEqual(fold(one));
      await workers.test.redis.hdel(workers.scores.live(group), 'barrier');
      await workers.project(scoreDocuments, [three, two, four]);
      expect(await hashes()).toEqual(fold(one, two, three, four));
    });

    it('compares ids as numbers', async () => {
      const { test, scores } = workers;
      const entry = ['e', JSON.stringify(['s1', 's:test', 'board', 'ada', 1])] as const;
      for (const seq of [9, 10]) await test.redis.xadd(scores.stream, `5-${seq}`, ...entry);
      const [nine, ten] = await deliver<'ScoreSubmitted'>(test, scores, group);
      if (nine) await barrier(nine, 60_000);
      const settlement = await workers.project(scoreDocuments, [nine, ten] as Score[]);
      expect(settlement).toMatchObject({ applied: 1, deferred: [ten?.id] });
    });

    it('continues when the barrier expires', async () => {
      const [one, two] = await submit();
      await barrier(one, 100);
      expect(await workers.project(scoreDocuments, [two])).toMatchObject({ deferred: [two.id] });
      expect(await stateOf(workers.test, workers.scores)).toEqual(NO_STATE);
      await eventually(async () =>
        expect(await workers.project(scoreDocuments, [two])).toMatchObject({ applied: 1, deferred: [] }),
      );
    });
  });
});
