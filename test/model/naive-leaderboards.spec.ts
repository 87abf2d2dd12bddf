import { type Definition, type Happening, NaiveLeaderboards, type Placed } from './naive-leaderboards.js';

const NOON = Date.parse('2026-11-21T12:00:00Z');
const DAY = 24 * 60 * 60_000;

const score = (
  player: string,
  points: number,
  more: { board?: string; at?: number; region?: string } = {},
) => {
  const { board = 'arena', at = NOON, region } = more;
  const attributes = region === undefined ? {} : { attributes: { region } };
  return { what: 'score', board, player, score: points, at, ...attributes } as const;
};
const defined = (definition: Definition, board = 'arena') =>
  ({ what: 'definition', board, definition }) as const;
const revoked = (player: string) => ({ what: 'revocation', board: 'arena', player }) as const;
const removed = (board = 'arena') => ({ what: 'removal', board }) as const;

const linesOf = (model: NaiveLeaderboards, { board = 'arena', asked = 'current', now = NOON } = {}) => {
  const standings = model.standings(board, asked, now);
  return typeof standings === 'number' ? standings : standings.lines;
};

/** Ranks, players and scores: `1 ada 5`. Or a status. */
function show(history: Happening[], where = {}) {
  const lines = linesOf(new NaiveLeaderboards(history), where);
  return typeof lines === 'number' ? lines : lines.map(line => `${line.rank} ${line.player} ${line.score}`);
}

describe('the naive leaderboard', () => {
  const SCORES = [score('ada', 3), score('bob', 5), score('cyd', 3), score('ada', 1)];

  it('ranks the best scores from the top, the earlier first among equals', () => {
    expect(show(SCORES)).toEqual(['1 bob 5', '2 ada 3', '2 cyd 3']);
  });

  it.each<[Definition, string[]]>([
    [{ order: 'asc' }, ['1 ada 1', '2 cyd 3', '3 bob 5']],
    [{ operator: 'latest' }, ['1 bob 5', '2 cyd 3', '3 ada 1']],
    [{ operator: 'sum' }, ['1 bob 5', '2 ada 4', '3 cyd 3']],
    [{ tieBreak: 'last' }, ['1 bob 5', '2 cyd 3', '2 ada 3']],
    [{ tieBreak: 'none' }, ['1 bob 5', '2 cyd 3', '2 ada 3']],
    [{ ranking: 'dense' }, ['1 bob 5', '2 ada 3', '2 cyd 3']],
    [{ ranking: 'ordinal' }, ['1 bob 5', '2 ada 3', '3 cyd 3']],
    [{ maxEntries: 2 }, ['1 bob 5', '2 ada 3']],
  ])('with %j', (definition, lines) => {
    expect(show([...SCORES, defined(definition)])).toEqual(lines);
  });

  it.each([
    ['standard', [1, 2, 2, 4]],
    ['dense', [1, 2, 2, 3]],
    ['ordinal', [1, 2, 3, 4]],
  ] as const)('numbers equal scores: %s', (ranking, ranks) => {
    const history = [defined({ ranking }), score('a', 4), score('b', 3), score('c', 3), score('d', 2)];
    expect(show(history)).toEqual(ranks.map((rank, i) => `${rank} ${'abcd'[i]} ${[4, 3, 3, 2][i]}`));
  });

  it('knows one zero, exact sums, and the run that a score is of', () => {
    const history = [
      defined({ operator: 'sum', order: 'asc' }),
      ...[0.1, 0.2, -0.3, 2 ** 53 - 1, 1 - 2 ** 53].map(points => score('ada', points)),
      score('bob', -0, { at: NOON + 1, region: 'eu' }),
    ];
    expect(linesOf(new NaiveLeaderboards(history))).toMatchObject([
      { player: 'bob', score: 0, achievedAt: '2026-11-21T12:00:00.001Z', attributes: { region: 'eu' } },
      { player: 'ada', score: 0.1 + 0.2 - 0.3 - 2 ** -55 },
    ]);
  });

  it('counts no revoked score, and begins afresh', () => {
    const history = [...SCORES, revoked('ada'), score('ada', 2)];
    expect(show(history)).toEqual(['1 bob 5', '2 cyd 3', '3 ada 2']);
  });

  it('does not rank who is banned', () => {
    const ban = { what: 'ban', player: 'bob' } as const;
    expect(show([...SCORES, ban])).toEqual(['1 ada 3', '1 cyd 3']);
    expect(show([...SCORES, ban, { ...ban, what: 'unban' }])).toEqual(show(SCORES));
  });

  it('counts the scores of its source that pass its filter, whenever it was defined', () => {
    const history = [
      score('ada', 3, { region: 'eu' }),
      score('bob', 4, { region: 'us' }),
      score('eve', 9, { board: 'europe', region: 'eu' }),
      score('cyd', 5),
      defined({ source: 'arena', filter: { region: ['eu', 'as'] } }, 'europe'),
      score('dan', 2, { region: 'as' }),
    ];
    expect(show(history, { board: 'europe' })).toEqual(['1 ada 3', '2 dan 2']);
    expect(show([...history, revoked('ada')], { board: 'europe' })).toEqual(['1 dan 2']);
    expect(show([...history, defined({}, 'europe')], { board: 'europe' })).toEqual(['1 eve 9']);
  });

  it('forgets what was scored on a board that was removed, but nothing of its source', () => {
    const model = new NaiveLeaderboards([...SCORES, removed(), score('dan', 1)]);
    expect(show(model.history)).toEqual(['1 dan 1']);
    expect(new NaiveLeaderboards([...SCORES, removed()]).exists('arena')).toBe(false);
    const derived = defined({ source: 'arena' }, 'copy');
    expect(show([...SCORES, derived, removed('copy'), derived], { board: 'copy' })).toEqual(show(SCORES));
  });

  it('is a board of its own in each period, and keeps some of them', () => {
    const history = [
      defined({ reset: 'daily', keepPeriods: 1 }),
      score('ada', 1),
      score('bob', 2, { at: NOON + 2 * DAY }),
    ];
    const now = NOON + 3 * DAY;
    expect(show(history, { asked: 'previous', now })).toEqual(['1 bob 2']);
    expect(show(history, { now })).toEqual([]);
    expect(show(history, { asked: '2026-11-21', now })).toEqual(['1 ada 1']);
    expect(show(history, { asked: '2026-11-20', now })).toBe(404);
    history.push(score('cyd', 3, { at: now }));
    expect(show(history, { asked: '2026-11-21', now })).toBe(404);
    expect(show(history, { asked: '2026-11-22', now })).toBe(404);
    expect(show([...history, defined({ reset: 'daily' })], { asked: '2026-11-21', now })).toEqual([
      '1 ada 1',
    ]);
  });

  it('knows what is below a line that moved away', () => {
    const model = new NaiveLeaderboards([...SCORES]);
    const [, ada] = linesOf(model) as Placed[];
    model.history.push(score('ada', 9), score('dan', 4), score('eve', 3));
    const below = model.linesBelow('arena', 'current', ada as Placed);
    expect(below.map(({ rank, player }) => `${rank} ${player}`)).toEqual(['4 cyd', '4 eve']);
  });

  it('foresees refusals', () => {
    const model = new NaiveLeaderboards([defined({ min: 0, max: 9, minInterval: 3600 })]);
    const refusal = (player: string, points: number, board = 'arena') =>
      model.refusalOfScore({ board, player, score: points });
    expect([refusal('ada', -1), refusal('ada', 10), refusal('ada', 2 ** 53)]).toEqual([422, 422, 422]);
    expect(refusal('ada', 9)).toBeUndefined();
    model.history.push(score('ada', 9), defined({ source: 'arena' }, 'copy'));
    expect([refusal('ada', 9), refusal('bob', 9), refusal('bob', 9, 'copy')]).toEqual([429, undefined, 409]);
    expect(model.refusalOfDefinition('third', { source: 'third' })).toBe(400);
    expect(model.refusalOfDefinition('third', { source: 'copy' })).toBe(409);
    expect(model.refusalOfDefinition('arena', { source: 'third' })).toBe(409);
    expect(model.refusalOfDefinition('third', { source: 'arena' })).toBeUndefined();
    expect([model.refusalOfRemoval('arena'), model.refusalOfRemoval('third')]).toEqual([409, 404]);
    expect([model.refusalOfRevocation('arena'), model.refusalOfRevocation('copy')]).toEqual([undefined, 409]);
  });
});
