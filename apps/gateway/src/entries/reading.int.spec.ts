import { get, type IncomingMessage } from 'node:http';
import { VersioningType } from '@nestjs/common';
import { APP_FILTER, APP_GUARD } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { AppliedWaiter, InvalidCursorError } from '#libs/event-log';
import { DEFAULT_DEFINITION } from '#libs/events';
import {
  BoardCatalog,
  type BoardWindow,
  InvalidPeriodError,
  LeaderboardReader,
  PeriodExpiredError,
  type RankedEntry,
  ScoreDocumentReader,
  type WindowQuery,
} from '#libs/leaderboards';
import { Logger } from '#libs/observability';
import { ProfileReader } from '#libs/players';
import { eventually } from '#libs/testing';
import { Authenticator } from '../auth/authenticator.js';
import { BoardsController } from '../boards/boards.controller.js';
import { BoardsService } from '../boards/boards.service.js';
import { AppliedGuard } from '../http/applied.guard.js';
import { ProblemFilter } from '../http/problem.filter.js';
import { readJsonBodies } from '../http/server/json-body.js';
import { WriteResponder } from '../http/writes/write-responder.js';
import { BulkGate } from '../limits/bulk-gate.js';
import { EntriesController } from './entries.controller.js';
import { EntryViews } from './entry-views.js';
import { LiveController } from './live.controller.js';
import { LiveBoards } from './live-boards.js';
import { LiveStreams } from './live-streams.js';
import { PlayerEntriesController } from './player-entries.controller.js';

const ACHIEVED = '2026-11-21T00:00:00.000Z';
const run = { ms: Date.parse(ACHIEVED), seq: 0 };
const ada: RankedEntry = { rank: 1, better: 0, player: 'ada', score: 90, run };
const bob: RankedEntry = {
  rank: 2,
  better: 1,
  player: 'bob',
  score: 70,
  attributes: { region: 'eu' },
  run,
};
const cyd: RankedEntry = { rank: 2, better: 1, player: 'cyd', score: 70, run };

/** One weekly board, and a note of what it was asked. */
class FakeReader {
  queries: WindowQuery[] = [];
  looked: unknown[] = [];
  entries = [ada, bob, cyd];
  failure: Error | undefined;

  async find(board: string) {
    if (this.failure) throw this.failure;
    return board === 'weekly'
      ? { board, definition: DEFAULT_DEFINITION, period: '2026-W47', total: 3 }
      : undefined;
  }

  async read(board: string, query: WindowQuery): Promise<BoardWindow> {
    this.queries.push(query);
    if (this.failure) throw this.failure;
    if (board !== 'weekly') return { period: 'current', total: 0, entries: [] };
    const { from, length } = query;
    const entries =
      'around' in from
        ? this.entries.filter(({ player }) => player === from.around)
        : this.entries.slice(0, length);
    const next = entries.length < this.entries.length && { next: 'more' };
    return { definition: DEFAULT_DEFINITION, period: '2026-W47', total: 3, entries, ...next };
  }

  async lookup(...asked: unknown[]): Promise<BoardWindow> {
    this.looked = asked;
    return { definition: DEFAULT_DEFINITION, period: '2026-W46', total: 9, entries: [bob, cyd] };
  }

  async boards(after: string | undefined, limit: number) {
    const summary = { board: `after-${after}-${limit}`, definition: DEFAULT_DEFINITION };
    return { boards: [{ ...summary, period: 'current', total: 3 }], next: 'more' };
  }

  async entriesOf() {
    return [
      { board: 'daily', period: '2026-11-21', total: 4, entry: bob },
      { board: 'weekly', period: '2026-W47', total: 3, entry: bob },
    ];
  }
}

const names = { names: async () => new Map([['ada', 'Ada L.']]) };
const adaShown = { rank: 1, player: 'ada', name: 'Ada L.', score: 90, achievedAt: ACHIEVED };
const bobShown = { rank: 2, player: 'bob', score: 70, attributes: { region: 'eu' }, achievedAt: ACHIEVED };
const cydShown = { rank: 2, player: 'cyd', score: 70, achievedAt: ACHIEVED };

describe('reading a board', () => {
  let reader: FakeReader;
  let app: NestFastifyApplication;

  beforeEach(async () => {
    reader = new FakeReader();
    const logger = Logger.create({ name: 'gateway', level: 'silent', json: true });
    const module = await Test.createTestingModule({
      controllers: [BoardsController, EntriesController, LiveController, PlayerEntriesController],
      providers: [
        EntryViews,
        LiveBoards,
        { provide: BulkGate, useValue: new BulkGate() },
        { provide: LiveStreams, useValue: new LiveStreams({ perAddress: 20, total: 100 }) },
        { provide: LeaderboardReader, useValue: reader },
        { provide: BoardsService, useValue: {} },
        { provide: ScoreDocumentReader, useValue: { boards: async () => ['weekly'] } },
        { provide: BoardCatalog, useValue: { withDerived: async () => ['daily', 'weekly'] } },
        { provide: WriteResponder, useValue: {} },
        { provide: ProfileReader, useValue: names },
        { provide: AppliedWaiter, useValue: { whenApplied: async () => true } },
        { provide: Authenticator, useValue: { identify: async () => ({ kind: 'player', id: 'ada' }) } },
        { provide: Logger, useValue: logger },
        { provide: APP_FILTER, useClass: ProblemFilter },
        { provide: APP_GUARD, useClass: AppliedGuard },
      ],
    }).compile();
    const adapter = new FastifyAdapter({ forceCloseConnections: 'idle' });
    app = module.createNestApplication(adapter, { logger, bodyParser: false });
    app.enableVersioning({ type: VersioningType.URI });
    readJsonBodies(app.getHttpAdapter().getInstance());
    await app.init();
  });
  afterEach(() => app.close());

  const send = async (method: 'GET' | 'POST', path: string, payload?: object) => {
    const answer = await app.inject({ method, url: `/v1${path}`, ...(payload && { payload }) });
    return { status: answer.statusCode, body: answer.json() };
  };
  const read = (path: string) => send('GET', path);

  describe('by its entries', () => {
    it('shows them with names, and their period', async () => {
      expect(await read('/leaderboards/weekly/entries')).toEqual({
        status: 200,
        body: { board: 'weekly', period: '2026-W47', total: 3, entries: [adaShown, bobShown, cydShown] },
      });
      expect((await read('/leaderboards/weekly/entries?limit=1')).body).toMatchObject({ next: 'more' });
    });

    it.each([
      ['', { from: { offset: 0 }, length: 10 }],
      ['?offset=20&limit=5', { from: { offset: 20 }, length: 5 }],
      ['?cursor=abc&period=previous', { from: { after: 'abc' }, length: 10, period: 'previous' }],
      ['?cursor=abc&offset=3', { from: { after: 'abc' }, length: 10 }],
      ['?topPercent=0.5', { from: { offset: 0 }, length: 10, topPercent: 0.5 }],
      ['?aroundScore=-1.5&limit=3', { from: { score: -1.5 }, length: 3 }],
      ['?aroundScore=0&period=2026-W40', { from: { score: 0 }, length: 10, period: '2026-W40' }],
    ])('translates the query: %s', async (query, asked) => {
      expect((await read(`/leaderboards/weekly/entries${query}`)).status).toBe(200);
      expect(reader.queries).toEqual([asked]);
    });

    it.each([
      'limit=0',
      'limit=1001',
      'topPercent=0',
      'topPercent=100.1',
      'topPercent=-1',
      'topPercent=all',
      'aroundScore=much',
      'aroundScore=Infinity',
      'aroundScore=5&offset=0',
      'aroundScore=5&cursor=abc',
      'aroundScore=5&topPercent=10',
      `period=${'9'.repeat(65)}`,
    ])('refuses %s', async query => {
      expect(await read(`/leaderboards/weekly/entries?${query}`)).toMatchObject({ status: 400 });
      expect(reader.queries).toEqual([]);
    });

    it.each([
      [400, new InvalidPeriodError('last week', '2026-W47'), '"last week"'],
      [400, new InvalidCursorError(), 'cursor'],
      [404, new PeriodExpiredError('2026-W01', 4), 'no longer kept'],
    ])('answers %d when the board cannot be read', async (status, failure, detail) => {
      reader.failure = failure;
      for (const path of ['entries', 'entries/ada', 'around/ada', 'live'])
        expect(await read(`/leaderboards/weekly/${path}`)).toMatchObject({
          status,
          body: { detail: expect.stringContaining(detail) },
        });
    });
  });

  describe('by its players', () => {
    it('shows one entry with its percentile', async () => {
      expect(await read('/leaderboards/weekly/entries/bob?period=2026-W47')).toEqual({
        status: 200,
        body: { board: 'weekly', period: '2026-W47', ...bobShown, percentile: 66.67, total: 3 },
      });
      expect(reader.queries).toEqual([{ from: { around: 'bob' }, length: 1, period: '2026-W47' }]);
      expect(await read('/leaderboards/weekly/entries/dan')).toMatchObject({ status: 404 });
    });

    it('shows neighbours', async () => {
      expect(await read('/leaderboards/weekly/around/ada?radius=2')).toEqual({
        status: 200,
        body: { board: 'weekly', period: '2026-W47', total: 3, entries: [adaShown] },
      });
      expect(reader.queries).toEqual([{ from: { around: 'ada' }, length: 5 }]);
      expect(await read('/leaderboards/weekly/around/dan')).toMatchObject({ status: 404 });
    });

    it('looks up players, each once, and ranks them among themselves', async () => {
      const players = ['cyd', 'bob', 'cyd', 'dan'];
      expect(await send('POST', '/leaderboards/weekly/lookup?period=previous', { players })).toEqual({
        status: 200,
        body: {
          ...{ board: 'weekly', period: '2026-W46', total: 9 },
          entries: [
            { ...bobShown, rankInList: 1 },
            { ...cydShown, rankInList: 1 },
          ],
        },
      });
      expect(reader.looked).toEqual(['weekly', ['cyd', 'bob', 'dan'], 'previous']);
    });

    it.each([
      [{}],
      [{ players: 'ada' }],
      [{ players: [1] }],
      [{ players: ['a b'] }],
      [{ players: Array.from({ length: 1_001 }, (_, i) => `p${i}`) }],
      [{ players: ['ada'], period: 'current' }],
    ])('refuses to look up %j', async body => {
      expect(await send('POST', '/leaderboards/weekly/lookup', body)).toMatchObject({ status: 400 });
    });

    it('shows all boards of a player', async () => {
      expect(await read('/players/bob/entries')).toEqual({
        status: 200,
        body: {
          player: 'bob',
          entries: [
            { board: 'daily', period: '2026-11-21', ...bobShown, percentile: 75, total: 4 },
            { board: 'weekly', period: '2026-W47', ...bobShown, percentile: 66.67, total: 3 },
          ],
        },
      });
    });
  });

  describe('by its definition', () => {
    it('shows it with its period and the number of its entries', async () => {
      expect(await read('/leaderboards/weekly')).toEqual({
        status: 200,
        body: { board: 'weekly', ...DEFAULT_DEFINITION, period: '2026-W47', total: 3 },
      });
      expect(await read('/leaderboards/none')).toMatchObject({ status: 404 });
    });

    it('lists all boards, page by page', async () => {
      expect(await read('/leaderboards')).toEqual({
        status: 200,
        body: {
          boards: [{ board: 'after-undefined-100', ...DEFAULT_DEFINITION, period: 'current', total: 3 }],
          next: 'more',
        },
      });
      const { body } = await read('/leaderboards?limit=1000&cursor=daily');
      expect(body.boards).toMatchObject([{ board: 'after-daily-1000' }]);
      expect(await read('/leaderboards?limit=1001')).toMatchObject({ status: 400 });
    });
  });

  describe('live', () => {
    beforeEach(() => app.listen(0, '127.0.0.1'));

    const open = async (query = '', headers: Record<string, string> = {}) => {
      const { port } = app.getHttpServer().address() as { port: number };
      const path = `/v1/leaderboards/weekly/live${query}`;
      const response = await new Promise<IncomingMessage>((resolve, reject) =>
        get({ port, path, headers }, resolve).on('error', reject),
      );
      const client = { response, text: '', isOver: false };
      response.setEncoding('utf8').on('data', chunk => {
        client.text += chunk;
      });
      response.on('close', () => {
        client.isOver = true;
      });
      return client;
    };
    const events = ({ text }: { text: string }) =>
      [...text.matchAll(/event: (\w+)\nid: (\S+)\ndata: (.*)\n\n/g)].map(([, event, id, data]) => ({
        event,
        id: id ?? '',
        page: JSON.parse(data ?? ''),
      }));
    type Client = Awaited<ReturnType<typeof open>>;
    const untilShown = (client: Client) =>
      eventually(async () => expect(events(client)).toMatchObject([{ event: 'snapshot' }]));
    /** Waits until the top three are read no more, while the top two are read again and again. */
    const untilNobodyReads = async () => {
      const other = await open('?limit=2');
      const readings = (limit: number) => reader.queries.filter(({ length }) => length === limit).length;
      await eventually(async () => {
        const [two, three] = [readings(2), readings(3)];
        await eventually(() => expect(readings(2)).toBeGreaterThan(two + 2));
        expect(readings(3)).toBe(three);
      }, 3_000);
      other.response.destroy();
    };

    it('begins with a snapshot, and sends updates when the page changes', async () => {
      const client = await open('?limit=2');
      expect(client.response.headers).toMatchObject({
        'content-type': 'text/event-stream',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
      });
      await untilShown(client);
      const { body } = await read('/leaderboards/weekly/entries?limit=2');
      expect(events(client)).toEqual([{ event: 'snapshot', id: expect.any(String), page: body }]);
      reader.entries = [bob, ada];
      await eventually(async () => expect(events(client)).toHaveLength(2));
      expect(events(client)[1]).toMatchObject({ event: 'update', page: { entries: [bobShown, adaShown] } });
      client.response.destroy();
    });

    it('resumes on any gateway: with nothing if the page is the same, else with a snapshot', async () => {
      const first = await open();
      await eventually(async () => expect(events(first)).toHaveLength(1));
      first.response.destroy();
      const same = await open('', { 'Last-Event-ID': events(first)[0]?.id ?? '' });
      const older = await open('', { 'Last-Event-ID': 'other' });
      // Both are served by one reading. What the first were sent would stand before the update.
      await untilShown(older);
      expect(events(same)).toEqual([]);
      reader.entries = [bob];
      await eventually(async () => expect(events(same)).toMatchObject([{ event: 'update' }]));
      for (const { response } of [same, older]) response.destroy();
    });

    it('stops reading when the last client is gone', async () => {
      const client = await open('?limit=3');
      await untilShown(client);
      client.response.destroy();
      await untilNobodyReads();
    });

    it('ends at once when the gateway shuts down', async () => {
      const clients = await Promise.all([open(), open()]);
      await Promise.all(clients.map(untilShown));
      const began = performance.now();
      await app.close();
      expect(performance.now() - began).toBeLessThan(500);
      await eventually(async () => expect(clients.map(({ isOver }) => isOver)).toEqual([true, true]));
    });

    it('answers a HEAD with headers, and ends', async () => {
      const url = '/v1/leaderboards/weekly/live?limit=3';
      expect(await app.inject({ method: 'HEAD', url })).toMatchObject({ statusCode: 200 });
      await untilNobodyReads();
    });

    it('answers 503 when Redis is away at the beginning', async () => {
      reader.failure = Object.assign(new Error('gone'), { code: 'ECONNREFUSED' });
      expect(await read('/leaderboards/weekly/live')).toMatchObject({ status: 503 });
    });

    it.each(['limit=0', 'limit=101', 'limit=x'])('refuses %s', async query => {
      expect(await read(`/leaderboards/weekly/live?${query}`)).toMatchObject({ status: 400 });
    });
  });
});
