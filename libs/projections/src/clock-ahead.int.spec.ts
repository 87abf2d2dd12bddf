import { DEFAULT_DEFINITION, timeOf, unpackEvent } from '#libs/events';
import {
  BoardCatalog,
  type LeaderboardEvent,
  LeaderboardReader,
  leaderboards,
  ScoreDocumentReader,
  scoreDocuments,
} from '#libs/leaderboards';
import { saves } from '#libs/maintenance';
import { SaveReader } from '#libs/saves';
import { BoardWorkers, deliver, openTestLog, SERVER, type TestLog } from '#libs/testing';
import { Projector } from './projector.js';

const DAY_MS = 24 * 60 * 60_000;
const TEN_DAYS_MS = 10 * DAY_MS;
/** A busy machine may need this long between two steps. */
const SLACK_MS = 60_000;

describe("a log whose ids are ahead of the clock, because Redis's clock was ahead before it was corrected", () => {
  let test: TestLog;
  beforeEach(async () => {
    test = await openTestLog({ scores: 1, players: 1 });
  });
  afterEach(() => test.close());

  const scores = () => test.topology.at('scores', 0);
  const score = (board: string, player: string, value: number, idempotencyKey?: string) =>
    test.log.append({
      type: 'ScoreSubmitted',
      data: { board, player, score: value },
      actor: SERVER,
      ...(idempotencyKey && { idempotencyKey }),
    });
  /** Makes the ids as if the clock had been ten days ahead and then set right. */
  const leaveAhead = async () => {
    for (const { stream } of [scores(), test.topology.at('players', 0)])
      if (await test.redis.exists(stream))
        await test.redis.call('XSETID', stream, `${Date.now() + TEN_DAYS_MS}-0`);
  };
  const lastEntry = async () => (await test.redis.xrevrange(scores().stream, '+', '-', 'COUNT', 1))[0];
  const isRecent = (ms: number) => Math.abs(ms - Date.now()) < SLACK_MS;
  const project = async () => {
    for (const projection of [leaderboards, scoreDocuments]) {
      const events = await deliver<LeaderboardEvent>(test, scores(), projection.name);
      // biome-ignore lint/suspicious/noExplicitAny: projections with different states handle the same events
      await new Projector(test.redis, projection as any).apply(events as any, {
        keys: scores(),
        group: projection.name,
      });
    }
  };

  it('adds nothing to events while the ids are not ahead', async () => {
    await score('b', 'ada', 1);
    const [, fields = []] = (await lastEntry()) ?? [];
    expect(fields).toHaveLength(2);
    const { at } = await score('b', 'ada', 2);
    expect(at).toBeUndefined();
  });

  it('stores the real time with each event of an append', async () => {
    await score('b', 'ada', 1);
    await leaveAhead();
    const appended = await Promise.all([score('b', 'ada', 2, 'key'), score('b', 'bob', 3)]);
    for (const { ref, at } of appended) {
      expect(ref.id.ms).toBeGreaterThan(Date.now() + TEN_DAYS_MS - SLACK_MS);
      expect(isRecent(at ?? 0)).toBe(true);
    }
    const event = unpackEvent(...((await lastEntry()) as [string, string[]]));
    expect(isRecent(timeOf(event))).toBe(true);
    // A repeated request gets the same answer.
    expect(await score('b', 'ada', 2, 'key')).toEqual({ ...appended[0], replayed: true });
  });

  it('puts scores into the current period of a board that resets, and returns the time at which they were achieved', async () => {
    const catalog = new BoardCatalog(test.redis, test.topology);
    await catalog.define('daily', { ...DEFAULT_DEFINITION, reset: 'daily' }, { actor: SERVER });
    await score('daily', 'ada', 1);
    await leaveAhead();
    await score('daily', 'bob', 2);
    await score('plain', 'bob', 2);
    await project();

    const reader = new LeaderboardReader(test.redis, test.topology);
    const today = new Date().toISOString().slice(0, 10);
    const page = await reader.read('daily', { from: { offset: 0 }, length: 10 });
    expect(page.period).toBe(today);
    expect(page.entries.map(({ player }) => player)).toEqual(['bob', 'ada']);
    for (const { run, at } of page.entries) expect(isRecent(timeOf({ id: run, at }))).toBe(true);
    const document = (await new ScoreDocumentReader(test.redis, test.topology).find('bob')).daily;
    for (const time of [document?.firstAt, document?.lastAt])
      expect(isRecent(Date.parse(time ?? ''))).toBe(true);

    const workers = new BoardWorkers(test);
    expect(await workers.run({ kind: 'verify' })).toMatchObject({
      state: 'done',
      result: { differences: 0 },
    });
    expect(await workers.run({ kind: 'rebuild' })).toMatchObject({ state: 'done' });
    const again = await reader.read('daily', { from: { offset: 0 }, length: 10 });
    expect(again.entries).toEqual(page.entries);
  });

  it('returns the time at which saves were written', async () => {
    const keys = test.topology.at('players', 0);
    const save = (document: string) =>
      test.log.append({
        type: 'SaveWritten',
        data: { player: 'ada', slot: 'auto', document },
        actor: SERVER,
      });
    await save('{}');
    await leaveAhead();
    await save('{"n":2}');
    const events = await deliver(test, keys, saves.name);
    // biome-ignore lint/suspicious/noExplicitAny: these are events of the stream
    await new Projector(test.redis, saves).apply(events as any, { keys, group: saves.name });
    const reader = new SaveReader(test.redis, test.topology);
    expect(isRecent(Date.parse((await reader.find('ada', 'auto'))?.updatedAt ?? ''))).toBe(true);
    for (const version of await reader.history('ada', 'auto', 2, 2))
      expect(isRecent(timeOf(version))).toBe(true);
  });

  it('does not lock players out for ten days when a board has a minimum interval', async () => {
    const interval = scores().interval('b', 'ada');
    const submit = () =>
      test.log.append(
        { type: 'ScoreSubmitted', data: { board: 'b', player: 'ada', score: 1 }, actor: SERVER },
        { minInterval: 60_000 },
      );
    await submit();
    await test.redis.pexpire(interval, TEN_DAYS_MS);
    await submit();
    await expect(submit()).rejects.toMatchObject({ code: 'TOO_SOON' });
  });
});
