import { jest } from '@jest/globals';
import type { Subscription } from 'rxjs';
import type { BoardWindow, LeaderboardReader } from '#libs/leaderboards';
import type { ProfileReader } from '#libs/players';
import { EntryViews } from './entry-views.js';
import { LiveBoards, type LivePage } from './live-boards.js';

const run = { ms: Date.UTC(2026, 10, 21), seq: 0 };

/** A reader that says what it is told to, in the time that it is told to. */
class FakeReader {
  score = 1;
  reads = 0;
  underWay = 0;
  most = 0;
  delay = 0;
  failure: Error | undefined;

  async read(): Promise<BoardWindow> {
    this.reads++;
    this.most = Math.max(this.most, ++this.underWay);
    const { score, failure } = this;
    await new Promise(resolve => setTimeout(resolve, this.delay));
    this.underWay--;
    if (failure) throw failure;
    return { period: 'current', total: 1, entries: [{ rank: 1, better: 0, player: 'ada', score, run }] };
  }
}

const nameless = { names: async () => new Map() } as unknown as ProfileReader;

describe('live boards', () => {
  let reader: FakeReader;
  let boards: LiveBoards;

  beforeEach(() => {
    jest.useFakeTimers();
    reader = new FakeReader();
    boards = new LiveBoards(reader as unknown as LeaderboardReader, new EntryViews(nameless));
  });
  afterEach(() => {
    boards.beforeApplicationShutdown();
    jest.useRealTimers();
  });

  const pass = (ms: number) => jest.advanceTimersByTimeAsync(ms);
  const watch = (limit = 10, period?: string) => {
    const pages: LivePage[] = [];
    const ends: unknown[] = [];
    const subscription: Subscription = boards.watch('weekly', limit, period).subscribe({
      next: page => pages.push(page),
      error: error => ends.push(error),
      complete: () => ends.push('complete'),
    });
    return { pages, ends, subscription };
  };
  const scores = (pages: readonly LivePage[]) => pages.map(({ data }) => JSON.parse(data).entries[0].score);

  it('emit pages in the format of `entries`', async () => {
    const { pages } = watch();
    await pass(1);
    expect(JSON.parse(pages[0]?.data ?? '')).toEqual({
      ...{ board: 'weekly', period: 'current', total: 1 },
      entries: [{ rank: 1, player: 'ada', score: 1, achievedAt: '2026-11-21T00:00:00.000Z' }],
    });
  });

  it('have the same id for the same content on every gateway', async () => {
    const { pages } = watch();
    await pass(150);
    reader.score = 2;
    await pass(100);
    reader.score = 1;
    await pass(100);
    const ids = pages.map(({ id }) => id);
    expect(scores(pages)).toEqual([1, 1, 2, 1]);
    expect(ids[1]).toBe(ids[0]);
    expect(ids[2]).not.toBe(ids[0]);
    expect(ids[3]).toBe(ids[0]);
    const other = new LiveBoards(reader as unknown as LeaderboardReader, new EntryViews(nameless));
    const found: string[] = [];
    const subscription = other.watch('weekly', 10).subscribe(({ id }) => found.push(id));
    await pass(1);
    subscription.unsubscribe();
    expect(found).toEqual([ids[0]]);
  });

  it('are read once for all watchers of a page, ten times a second', async () => {
    const all = Array.from({ length: 50 }, () => watch());
    await pass(1_000);
    expect(reader.reads).toBeGreaterThanOrEqual(9);
    expect(reader.reads).toBeLessThanOrEqual(11);
    for (const { pages } of all) expect(pages.length).toBeGreaterThanOrEqual(9);
  });

  it('are read separately for other limits or periods', async () => {
    watch(10);
    watch(20);
    watch(10, 'previous');
    await pass(1);
    expect(reader.reads).toBe(3);
  });

  it('are not read without watchers, and again when one comes back', async () => {
    const [one, other] = [watch(), watch()];
    await pass(500);
    one.subscription.unsubscribe();
    await pass(500);
    expect(other.pages.length).toBeGreaterThan(8);
    other.subscription.unsubscribe();
    const { reads } = reader;
    await pass(10_000);
    expect(reader.reads).toBe(reads);
    const { pages } = watch();
    await pass(1);
    expect(pages).toHaveLength(1);
  });

  it('never read a page twice at the same time', async () => {
    reader.delay = 350;
    const { pages } = watch();
    await pass(4_500);
    expect(reader.most).toBe(1);
    expect(pages).toHaveLength(10);
  });

  it('begin with a read that started after the subscription', async () => {
    reader.delay = 80;
    watch();
    await pass(10);
    reader.score = 2;
    const { pages } = watch();
    await pass(500);
    expect(scores(pages)).toContain(2);
    expect(scores(pages)).not.toContain(1);
  });

  it('pause while Redis is away, and go on when it is back', async () => {
    const { pages, ends } = watch();
    await pass(50);
    reader.failure = Object.assign(new Error('gone'), { code: 'ECONNREFUSED' });
    await pass(5_000);
    expect(pages).toHaveLength(1);
    reader.failure = undefined;
    reader.score = 2;
    await pass(200);
    expect(scores(pages).at(-1)).toBe(2);
    expect(ends).toEqual([]);
  });

  it('end for all watchers after a permanent error, and start again for the next one', async () => {
    const [one, other] = [watch(), watch()];
    await pass(50);
    const failure = new Error('expired');
    reader.failure = failure;
    await pass(200);
    expect([one.ends, other.ends]).toEqual([[failure], [failure]]);
    reader.failure = undefined;
    const { pages } = watch();
    await pass(1);
    expect(pages).toHaveLength(1);
  });

  it('complete at shutdown, also for late subscribers', async () => {
    const early = watch();
    await pass(50);
    boards.beforeApplicationShutdown();
    const late = watch();
    expect([early.ends, late.ends]).toEqual([['complete'], ['complete']]);
    const { reads } = reader;
    await pass(1_000);
    expect(reader.reads).toBe(reads);
  });

  describe('with a player', () => {
    const watchWith = (player: string) => {
      const pages: LivePage[] = [];
      const subscription = boards
        .watchWith({ player, radius: 1 }, 'weekly', 10)
        .subscribe(page => pages.push(page));
      return { pages, subscription };
    };

    it('have the entries around the player, or null', async () => {
      const [ada, eve] = [watchWith('ada'), watchWith('eve')];
      await pass(1);
      expect(JSON.parse(ada.pages[0]?.data ?? '')).toMatchObject({
        entries: [{ player: 'ada', score: 1 }],
        around: { rank: 1, entries: [{ rank: 1, player: 'ada', score: 1 }] },
      });
      expect(JSON.parse(eve.pages[0]?.data ?? '').around).toBeNull();
    });

    it('are read once for all streams of the player, beside one read of the page for all', async () => {
      for (let i = 0; i < 10; i++) watchWith('ada');
      watchWith('eve');
      watch();
      await pass(1);
      expect(reader.reads).toBe(3);
    });

    it('have another id when the neighbours change, and stop reading without watchers', async () => {
      const { pages, subscription } = watchWith('ada');
      await pass(150);
      reader.score = 2;
      await pass(250);
      expect(pages.at(-1)?.id).not.toBe(pages[0]?.id);
      subscription.unsubscribe();
      const { reads } = reader;
      await pass(10_000);
      expect(reader.reads).toBe(reads);
    });

    it('begin at once for another stream of the player', async () => {
      watchWith('ada');
      await pass(50);
      const { pages } = watchWith('ada');
      await pass(1);
      expect(pages).toHaveLength(1);
    });

    it('end after a permanent error, and complete at shutdown', async () => {
      const ends: unknown[] = [];
      const observe = { error: (error: unknown) => ends.push(error), complete: () => ends.push('complete') };
      const failure = new Error('expired');
      reader.failure = failure;
      boards.watchWith({ player: 'ada', radius: 1 }, 'weekly', 10).subscribe(observe);
      await pass(200);
      expect(ends).toEqual([failure]);
      reader.failure = undefined;
      boards.watchWith({ player: 'ada', radius: 1 }, 'weekly', 10).subscribe(observe);
      await pass(200);
      boards.beforeApplicationShutdown();
      expect(ends).toEqual([failure, 'complete']);
    });
  });
});
