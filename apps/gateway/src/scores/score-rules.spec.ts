import { type Actor, type BoardDefinition, DEFAULT_DEFINITION } from '#libs/events';
import { refusalOf, tooSoon } from './score-rules.js';

const SERVER: Actor = { kind: 'server', id: 'key' };
const PLAYER: Actor = { kind: 'player', id: 'ada' };

describe('a board', () => {
  const judge = (score: number, definition: Partial<BoardDefinition>, caller = SERVER) => {
    const refusal = refusalOf(
      { board: 'arena', player: 'ada', score },
      { ...DEFAULT_DEFINITION, ...definition },
      caller,
    );
    return refusal && [refusal.getStatus(), refusal.problem.code, refusal.problem.detail];
  };

  it.each([
    ['any score', 5, {}, SERVER],
    ["a player's score", 5, {}, PLAYER],
    ['the least score', -5, { min: -5 }, SERVER],
    ['the greatest score', 5, { max: 5 }, SERVER],
    ["a server's score", 5, { submit: 'servers' }, SERVER],
    ['the greatest exact integer', Number.MAX_SAFE_INTEGER, {}, SERVER],
  ] as const)('takes %s', (_, score, definition, caller) => {
    expect(judge(score, definition, caller)).toBeUndefined();
  });

  it('refuses scores if it is derived, and names its source', () => {
    const refusal = judge(5, { source: 'all', max: 1 });
    expect(refusal).toEqual([409, 'derived-board', expect.stringContaining('all')]);
  });

  it('refuses scores of players if it is for servers only', () => {
    expect(judge(5, { submit: 'servers' }, PLAYER)).toEqual([403, 'servers-only', expect.any(String)]);
  });

  it.each([
    [4.9, { min: 5 }, 'at least 5'],
    [5.1, { max: 5 }, 'at most 5'],
    [2 ** 53, {}, '9007199254740991'],
    [-(2 ** 53), {}, '9007199254740991'],
  ])('refuses %p when it is out of range, and names the limit', (score, definition, limit) => {
    expect(judge(score, definition)).toEqual([422, 'score-out-of-range', expect.stringContaining(limit)]);
  });
});

describe('a score that comes too soon', () => {
  it.each([
    [1, '1'],
    [1_000, '1'],
    [1_001, '2'],
    [-2, '1'],
  ])('has a Retry-After: %d ms is %s s', (left, seconds) => {
    const problem = tooSoon({ board: 'b', player: 'ada', score: 1 }, left);
    expect(problem.getStatus()).toBe(429);
    expect(problem.problem.headers).toEqual({ 'Retry-After': seconds });
  });
});
