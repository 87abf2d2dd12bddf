import type { Actor } from '#libs/events';
import { Problem } from '../http/problem.js';
import { readItem } from './score-item.js';

const SERVER: Actor = { kind: 'server', id: 'key' };
const PLAYER: Actor = { kind: 'player', id: 'ada' };
const score = { board: 'arena', player: 'bob', score: 5 };

describe('a score of a list', () => {
  it.each([
    [score],
    [{ ...score, score: -0.5 }],
    [{ ...score, attributes: { region: 'eu', level: 3, ranked: true }, idempotencyKey: 'run-1' }],
  ])('is read: %j', value => {
    expect(readItem(value, SERVER)).toEqual(value);
  });

  it.each([
    ['board', { ...score, board: 'a/b' }],
    ['board', { player: 'bob', score: 5 }],
    ['player', { ...score, player: '' }],
    ['score', { ...score, score: '5' }],
    ['score', { ...score, score: null }],
    ['attributes', { ...score, attributes: [] }],
    ['attributes', { ...score, attributes: { a: {} } }],
    ['idempotencyKey', { ...score, idempotencyKey: 'a b' }],
    ['extra', { ...score, extra: 1 }],
    ['__proto__', JSON.parse('{"board":"arena","player":"bob","score":5,"__proto__":{}}')],
  ])('is refused with the invalid field: %s', (field, value) => {
    const problem = readItem(value, SERVER, 'scores[3]');
    expect(problem).toBeInstanceOf(Problem);
    expect((problem as Problem).body).toMatchObject({
      type: 'urn:questlog:validation',
      status: 400,
      errors: [{ path: `scores[3].${field}`, message: expect.stringContaining(field) }],
    });
  });

  it.each([[null], [5], ['x'], [[]]])('is an object, not %j', value => {
    expect((readItem(value, SERVER, 'scores[0]') as Problem).body.errors).toEqual([
      { path: 'scores[0]', message: `scores[0] must be an object; it is ${JSON.stringify(value)}` },
    ]);
  });

  it('must name its player when a key submits it', () => {
    const { player: _, ...nobody } = score;
    expect((readItem(nobody, SERVER) as Problem).getStatus()).toBe(400);
    expect((readItem({ ...score, player: 'me' }, SERVER) as Problem).getStatus()).toBe(400);
  });

  it("belongs to the session's player", () => {
    const { player: _, ...own } = score;
    expect(readItem(own, PLAYER)).toEqual({ ...own, player: 'ada' });
    expect(readItem({ ...own, player: 'me' }, PLAYER)).toEqual({ ...own, player: 'ada' });
    expect((readItem(score, PLAYER) as Problem).getStatus()).toBe(403);
  });
});
