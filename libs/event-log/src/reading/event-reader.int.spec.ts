import { DEFAULT_DEFINITION, type RecordedEvent } from '#libs/events';
import { BoardCatalog } from '#libs/leaderboards';
import { appendScores, openTestLog, SERVER, type TestLog } from '#libs/testing';
import { InvalidCursorError } from './cursor.js';
import { type EventPage, type EventQuery, EventReader } from './event-reader.js';
import { formatEventRef } from './event-ref.js';

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

describe('the event reader', () => {
  let test: TestLog;
  let reader: EventReader;

  beforeEach(async () => {
    test = await openTestLog();
    reader = new EventReader(test.redis, test.topology);
  });
  afterEach(() => test.close());

  const ofAda = ({ data }: RecordedEvent) => 'player' in data && data.player === 'ada';
  const page = (query: Partial<EventQuery> = {}, from = reader): Promise<EventPage> =>
    from.page({
      ...{ partitions: test.topology.all('scores'), mentions: ['ada'], wants: ofAda, limit: 100 },
      ...query,
    });
  /** The scores on all pages, page by page. */
  const pages = async (limit: number, from = reader, between: () => Promise<unknown> = async () => {}) => {
    const found: unknown[][] = [];
    let cursor: string | undefined;
    do {
      const { events, next } = await page({ limit, cursor }, from);
      found.push(events.map(event => (event.type === null ? event.entry : event.data.score)));
      cursor = next;
      await between();
    } while (cursor !== undefined);
    return found;
  };
  /** Scores from 1 on, in several partitions in turn. */
  const submit = (count: number, player = 'ada') =>
    appendScores(
      test,
      numbers(count).map(score => ({ board: score % 2 === 0 ? 'board' : 'weekly', player, score })),
    );
  const foreign = (...fields: string[]) =>
    test.redis.xadd(test.topology.at('scores', 0).stream, '*', ...fields);

  it('returns everything that the log stores about an event', async () => {
    const { ref } = await test.log.append({
      type: 'ScoreSubmitted',
      data: { board: 'board', player: 'ada', score: 5, attributes: { region: 'eu' } },
      actor: SERVER,
      trace: 'trace',
      idempotencyKey: 'key',
    });
    expect(await page()).toEqual({
      events: [
        {
          eventId: formatEventRef(ref),
          type: 'ScoreSubmitted',
          at: new Date(ref.id.ms).toISOString(),
          actor: SERVER,
          trace: 'trace',
          idempotencyKey: 'key',
          data: { board: 'board', player: 'ada', score: 5, attributes: { region: 'eu' } },
        },
      ],
    });
  });

  it('shows the id of the original for a copy', async () => {
    await test.log.append({ type: 'PlayerBanned', data: { player: 'ada' }, actor: SERVER });
    const { events } = await page();
    // Appended in one millisecond, they have the same id, and either can be shown first.
    const [first, copy] = events.toSorted((a, b) => a.eventId.localeCompare(b.eventId));
    expect(first).toMatchObject({ eventId: expect.stringMatching(/^s0-/), data: { player: 'ada' } });
    expect(copy).toMatchObject({
      eventId: expect.stringMatching(/^s1-/),
      data: { player: 'ada', first: first?.eventId },
    });
  });

  it('shows the id of the original for the copy of a definition', async () => {
    const names = Array.from({ length: 20 }, (_, i) => `board-${i}`);
    const inPartition = (partition: number) =>
      names.find(board => test.topology.of('scores', board).partition === partition) ?? '';
    const board = inPartition(1);
    const catalog = new BoardCatalog(test.redis, test.topology);
    await catalog.define(board, { ...DEFAULT_DEFINITION, source: inPartition(0) }, { actor: SERVER });
    const { events } = await page({ mentions: [board], wants: ({ type }) => type === 'BoardDefined' });
    const [copy, first] = events.toSorted((a, b) => a.eventId.localeCompare(b.eventId));
    expect(first).toMatchObject({ eventId: expect.stringMatching(/^s1-/), data: { board } });
    expect(copy).toMatchObject({
      eventId: expect.stringMatching(/^s0-/),
      data: { board, first: first?.eventId },
    });
  });

  it('returns all events, newest first, with any page size', async () => {
    await submit(25);
    await submit(10, 'bob');
    const all = numbers(25).reverse();
    for (const limit of [1, 7, 25, 26]) {
      const found = await pages(limit);
      expect(found.flat().sort((a, b) => Number(b) - Number(a))).toEqual(all);
      for (const scores of found.slice(0, -2)) expect(scores).toHaveLength(limit);
    }
    expect(await page({ limit: 25 })).not.toHaveProperty('next');
  });

  it('returns each existing event once while others are appended', async () => {
    await submit(40);
    const found = (await pages(3, reader, () => submit(5, 'ada'))).flat();
    expect(found.map(Number).sort((a, b) => a - b)).toEqual(numbers(40));
  });

  it('ends a page at its budget, and finds everything on those behind it', async () => {
    await submit(1);
    await submit(30, 'bob');
    await submit(1);
    await submit(30, 'bob');
    for (const budget of [
      { entries: 7, size: Number.MAX_SAFE_INTEGER },
      { entries: Number.MAX_SAFE_INTEGER, size: 200 },
      { entries: 1, size: 1 },
    ]) {
      const found = await pages(10, new EventReader(test.redis, test.topology, budget));
      expect(found.flat()).toEqual([1, 1]);
      expect(found.length).toBeGreaterThan(5);
      expect(found.some(scores => scores.length === 0)).toBe(true);
    }
  });

  it('ends a page once it has found much, and finds the rest on those behind it', async () => {
    await submit(20);
    const found = await pages(10, new EventReader(test.redis, test.topology, { found: 50 }));
    expect(
      found
        .flat()
        .map(Number)
        .sort((a, b) => a - b),
    ).toEqual(numbers(20));
    expect(found.length).toBeGreaterThan(5);
  });

  it('finds an id in an event whose attributes need JSON escapes', async () => {
    const note = 'line\nbreak "quoted" back\\slash \u0001 \ud83d\ude00 \\u0061 "bob"';
    await appendScores(test, [{ player: 'ada', score: 1, attributes: { note } }]);
    expect((await page()).events).toEqual([
      expect.objectContaining({ data: expect.objectContaining({ attributes: { note } }) }),
    ]);
  });

  it('finds an event whose id another program stored with JSON escapes', async () => {
    await foreign('e', '["s1","s:other","board","\\u0061da",7]');
    await foreign('v', '1', 'e', '["s1","s:other","board","ada",8]');
    expect((await pages(10)).flat()).toEqual([8, 7]);
  });

  it('finds scores in the first format of the log, also those that still need it', async () => {
    await foreign('e', '["s1","p:ada","board","ada",7]');
    await appendScores(test, [{ player: 'ada', score: 8 }]);
    await test.log.append({
      type: 'ScoreSubmitted',
      data: { board: 'board', player: 'ada', score: 9 },
      actor: { kind: 'server', id: 'with blank' },
    });
    // Two of them can be of one millisecond, in different partitions.
    expect((await pages(10)).flat().sort()).toEqual([7, 8, 9]);
  });

  it('does not confuse an id with a longer one that begins or ends with it', async () => {
    await appendScores(
      test,
      ['adam', 'lada', 'Ada'].map(player => ({ player, score: 1, attributes: { friend: 'ada' } })),
    );
    expect(await page()).toEqual({ events: [] });
  });

  it('includes undecodable entries that contain the id, with the reason', async () => {
    const garbage = await foreign('player', 'ada');
    const unknown = await foreign('e', '["zz9","s:k","ada"]');
    const broken = await foreign('e', 's2 sk board ada many');
    await foreign('player', 'bob', 'note', '\u0001');
    expect((await page()).events).toEqual([
      {
        eventId: `s0-${broken}`,
        type: null,
        error: expect.any(String),
        entry: ['e', 's2 sk board ada many'],
      },
      {
        eventId: `s0-${unknown}`,
        type: null,
        error: expect.stringContaining('zz9'),
        entry: ['e', '["zz9","s:k","ada"]'],
      },
      { eventId: `s0-${garbage}`, type: null, error: expect.any(String), entry: ['player', 'ada'] },
    ]);
  });

  it('refuses a cursor that no page returned', async () => {
    await expect(page({ cursor: 'x' })).rejects.toThrow(InvalidCursorError);
  });
});
