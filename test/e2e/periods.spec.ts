import { Topology } from '#libs/event-log';
import { createClient, type RedisClient } from '#libs/redis';
import { moveLogClock } from '#libs/testing';
import type { Client } from './support/client.js';
import { System } from './support/system.js';

const WAIT = { Prefer: 'wait=5' };
const PREFIX = 'periods';
const PARTITIONS = { scores: 2, players: 1 };

/** Time only goes forward here: each test is later than the one before. */
describe('periods', () => {
  let system: System;
  let redis: RedisClient;
  let server: Client;
  let admin: Client;

  beforeAll(async () => {
    system = await System.start({ KEY_PREFIX: PREFIX, SCORES_PARTITIONS: '2', PLAYERS_PARTITIONS: '1' });
    redis = createClient(system.redisUrl, PREFIX);
    await redis.connect();
    server = system.client;
    admin = system.admin;
  }, 60_000);
  afterAll(async () => {
    redis.disconnect();
    await system.close();
  }, 60_000);

  const itIs = (time: string) =>
    moveLogClock(redis, new Topology(PREFIX, PARTITIONS), [0, 1], Date.parse(time));
  const define = async (board: string, definition: object) =>
    expect((await admin.put(`/v1/leaderboards/${board}`, definition, WAIT)).status).toBe(200);
  const submit = async (board: string, scores: Record<string, number>) => {
    const list = Object.entries(scores).map(([player, score]) => ({ board, player, score }));
    expect((await server.post('/v1/scores', { scores: list }, WAIT)).status).toBe(200);
  };
  const read = async (path: string) => (await server.get(`/v1/leaderboards/${path}`)).body;
  /** A period with its ranks, players, and scores as text. */
  const page = async (board: string, period = 'current') =>
    show(await read(`${board}/entries?period=${period}`));

  /** Two of each: a board with its own scores, and one with the scores of another board. */
  const DAILY = {
    'America/Sao_Paulo': ['sp', 'sp-of-arena'],
    'Asia/Kolkata': ['kolkata', 'kolkata-of-arena'],
  };

  const submitEverywhere = async (scores: Record<string, number>) => {
    for (const board of ['arena', 'sp', 'kolkata']) await submit(board, scores);
  };

  describe('of days in São Paulo and in Kolkata, by the same scores', () => {
    beforeAll(async () => {
      for (const [timezone, [own = '', derived = '']] of Object.entries(DAILY)) {
        await define(own, { reset: 'daily', timezone });
        await define(derived, { reset: 'daily', timezone, source: 'arena' });
      }
      await itIs('2097-11-21T18:29:59.999Z');
      await submitEverywhere({ ada: 10, bob: 20 });
    });

    /** @param expected by the period that is asked for, in both */
    const days = async (expected: Record<keyof typeof DAILY, Record<string, string[]>>) => {
      for (const [timezone, boards] of Object.entries(DAILY))
        for (const board of boards)
          for (const [asked, lines] of Object.entries(expected[timezone as keyof typeof DAILY]))
            expect({ board, asked, page: await page(board, asked) }).toEqual({ board, asked, page: lines });
    };

    it('are the same a millisecond before midnight in Kolkata', () =>
      days({
        'America/Sao_Paulo': { current: ['2097-11-21', '1 bob 20', '2 ada 10'], previous: ['2097-11-20'] },
        'Asia/Kolkata': { current: ['2097-11-21', '1 bob 20', '2 ada 10'], previous: ['2097-11-20'] },
      }));

    it('are others at midnight in Kolkata, before anyone scores', async () => {
      await itIs('2097-11-21T18:30:00.000Z');
      await days({
        'America/Sao_Paulo': { current: ['2097-11-21', '1 bob 20', '2 ada 10'] },
        'Asia/Kolkata': { current: ['2097-11-22'], previous: ['2097-11-21', '1 bob 20', '2 ada 10'] },
      });
    });

    it('go on until midnight in São Paulo', async () => {
      await submitEverywhere({ ada: 30, cyd: 5 });
      await itIs('2097-11-22T02:59:59.999Z');
      await submitEverywhere({ bob: 15 });
      await days({
        'America/Sao_Paulo': { current: ['2097-11-21', '1 ada 30', '2 bob 20', '3 cyd 5'] },
        'Asia/Kolkata': {
          current: ['2097-11-22', '1 ada 30', '2 bob 15', '3 cyd 5'],
          previous: ['2097-11-21', '1 bob 20', '2 ada 10'],
        },
      });
    });

    it('are of one date again after midnight in São Paulo, and yesterdays stay what they were', async () => {
      await itIs('2097-11-22T03:00:00.000Z');
      await submitEverywhere({ cyd: 8 });
      const [saoPaulo, kolkata] = [
        ['2097-11-21', '1 ada 30', '2 bob 20', '3 cyd 5'],
        ['2097-11-21', '1 bob 20', '2 ada 10'],
      ];
      await days({
        'America/Sao_Paulo': {
          current: ['2097-11-22', '1 cyd 8'],
          previous: saoPaulo,
          '2097-11-21': saoPaulo,
        },
        'Asia/Kolkata': {
          current: ['2097-11-22', '1 ada 30', '2 bob 15', '3 cyd 8'],
          previous: kolkata,
          '2097-11-21': kolkata,
        },
      });
    });

    it.each(DAILY['America/Sao_Paulo'])(
      '%s answers of yesterday whatever can be asked of today',
      async board => {
        const bob = { rank: 2, player: 'bob', score: 20, achievedAt: '2097-11-21T18:29:59.999Z' };
        const yesterday = { board, period: '2097-11-21', total: 3 };
        expect(await read(`${board}/entries/bob?period=previous`)).toEqual({
          ...yesterday,
          ...bob,
          percentile: 66.67,
        });
        expect(show(await read(`${board}/around/cyd?radius=1&period=previous`))).toEqual([
          '2097-11-21',
          '1 ada 30',
          '2 bob 20',
          '3 cyd 5',
        ]);
        const players = ['cyd', 'bob', 'eve'];
        const looked = await server.post(`/v1/leaderboards/${board}/lookup?period=2097-11-21`, { players });
        expect(looked.body).toMatchObject({
          ...yesterday,
          entries: [
            { ...bob, rankInList: 1 },
            { rank: 3, player: 'cyd', score: 5, rankInList: 2 },
          ],
        });
        const { next } = await read(`${board}/entries?limit=1&period=previous`);
        expect(show(await read(`${board}/entries?limit=1&cursor=${next}`))).toEqual([
          '2097-11-21',
          '2 bob 20',
        ]);
        expect(await read(`${board}/entries?limit=1&period=current&cursor=${next}`)).toMatchObject({
          status: 400,
          errors: [{ path: 'period', message: expect.stringContaining('2097-11-21') }],
        });
        expect(show(await read(`${board}/entries?limit=1&period=previous&cursor=${next}`))).toHaveLength(2);
      },
    );

    it.each(DAILY['America/Sao_Paulo'])('%s says when its period begins and ends', async board => {
      const today = { startsAt: '2097-11-22T03:00:00.000Z', endsAt: '2097-11-23T03:00:00.000Z' };
      expect(await read(`${board}/entries`)).toMatchObject({ ...today, previous: '2097-11-21' });
      expect(await read(`${board}/around/cyd`)).toMatchObject({ ...today, previous: '2097-11-21' });
    });

    it('are gone at midnight from a board that keeps none', async () => {
      await define('today', { reset: 'daily', keepPeriods: 0 });
      await define('today-of-arena', { reset: 'daily', keepPeriods: 0, source: 'arena' });
      for (const board of ['today', 'arena']) await submit(board, { eve: 1 });
      await itIs('2097-11-23T00:00:00.000Z');
      for (const board of ['today', 'today-of-arena']) {
        for (const period of ['previous', '2097-11-22'])
          expect(await read(`${board}/entries?period=${period}`)).toMatchObject({ status: 404 });
        const empty = await read(`${board}/entries`);
        expect(empty).toMatchObject({ period: '2097-11-23', total: 0, entries: [] });
        expect(empty).not.toHaveProperty('previous');
      }
    });

    it('are asked for nobody without an error', async () => {
      const looked = await server.post('/v1/leaderboards/sp/lookup', { players: [] });
      expect(looked).toMatchObject({ status: 200, body: { entries: [] } });
    });
  });

  describe('in nights when clocks in Berlin change', () => {
    const RESETS = ['daily', 'weekly', 'monthly'];

    beforeAll(async () => {
      await itIs('2098-10-24T12:00:00.000Z');
      for (const reset of RESETS) await define(reset, { reset, timezone: 'Europe/Berlin', operator: 'sum' });
    });

    const submitAt = async (time: string, score: number) => {
      await itIs(time);
      for (const board of RESETS) await submit(board, { ada: score });
    };

    it('have an hour more in autumn', async () => {
      await submitAt('2098-10-25T21:59:59.999Z', 1);
      await submitAt('2098-10-25T22:00:00.000Z', 2); // Sunday begins
      await submitAt('2098-10-26T00:30:00.000Z', 4); // 02:30
      await submitAt('2098-10-26T01:30:00.000Z', 8); // 02:30 again
      await submitAt('2098-10-26T22:59:59.999Z', 16);
      expect(await page('daily')).toEqual(['2098-10-26', '1 ada 30']);
      await submitAt('2098-10-26T23:00:00.000Z', 32); // Monday begins
      expect(await page('daily')).toEqual(['2098-10-27', '1 ada 32']);
      expect(await page('daily', '2098-10-25')).toEqual(['2098-10-25', '1 ada 1']);
      expect(await page('weekly')).toEqual(['2098-W44', '1 ada 32']);
      expect(await page('weekly', 'previous')).toEqual(['2098-W43', '1 ada 31']);
      await submitAt('2098-10-31T22:59:59.999Z', 64);
      await submitAt('2098-10-31T23:00:00.000Z', 128);
      expect(await page('monthly')).toEqual(['2098-11', '1 ada 128']);
      expect(await page('monthly', 'previous')).toEqual(['2098-10', '1 ada 127']);
    });

    it('have an hour less in spring', async () => {
      await submitAt('2099-03-28T22:59:59.999Z', 1);
      await submitAt('2099-03-28T23:00:00.000Z', 2); // Sunday begins
      await submitAt('2099-03-29T01:00:00.000Z', 4); // 03:00: there is no 02:00
      await submitAt('2099-03-29T21:59:59.999Z', 8);
      expect(await page('daily')).toEqual(['2099-03-29', '1 ada 14']);
      await submitAt('2099-03-29T22:00:00.000Z', 16); // Monday begins
      expect(await page('daily', 'previous')).toEqual(['2099-03-29', '1 ada 14']);
      expect(await page('weekly')).toEqual(['2099-W14', '1 ada 16']);
      expect(await page('weekly', 'previous')).toEqual(['2099-W13', '1 ada 15']);
      await submitAt('2099-03-31T21:59:59.999Z', 32);
      await submitAt('2099-03-31T22:00:00.000Z', 64);
      expect(await page('monthly')).toEqual(['2099-04', '1 ada 64']);
      expect(await page('monthly', 'previous')).toEqual(['2099-03', '1 ada 63']);
    });
  });
});

interface Page {
  readonly period: string;
  readonly entries: readonly { readonly rank: number; readonly player: string; readonly score: number }[];
}

const show = ({ period, entries }: Page) => [
  period,
  ...entries.map(({ rank, player, score }) => `${rank} ${player} ${score}`),
];
