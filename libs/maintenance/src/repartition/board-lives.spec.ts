import { Topology } from '#libs/event-log';
import { DEFAULT_DEFINITION, type EventId } from '#libs/events';
import { boardIn } from '#libs/testing';
import { type BoardEvent, BoardLives } from './board-lives.js';

const LOG = new Topology('test', { scores: 4, players: 1 });
const [HOME, SHARD] = [0, 1];
const BOARD = boardIn(LOG, HOME, 'board');

const at = (ms: number): EventId => ({ ms, seq: 0 });
const event = (type: BoardEvent['type'], ms: number, data: object) =>
  ({ type, id: at(ms), data: { board: BOARD, ...data }, actor: { kind: 'admin', id: 'op' } }) as BoardEvent;
const define = (ms: number, shards?: number, copied: object = {}) =>
  event('BoardDefined', ms, { definition: { ...DEFAULT_DEFINITION, ...(shards && { shards }) }, ...copied });
const remove = (ms: number, copied: object = {}) => event('BoardRemoved', ms, copied);

describe('BoardLives', () => {
  let lives: BoardLives;
  beforeEach(() => {
    lives = new BoardLives(LOG);
  });

  it('gives no shards before there are any', () => {
    lives.apply(HOME, define(1));
    expect(lives.at(HOME, BOARD)).toEqual({ shards: undefined, state: 'live' });
  });

  it('gives shards from the arrival of the copy until the copy of the removal', () => {
    expect(lives.apply(HOME, define(1, 3))).toBe(true);
    lives.apply(SHARD, define(2, 3, { first: at(1), born: at(1) }));
    for (const partition of [HOME, SHARD])
      expect(lives.at(partition, BOARD)).toEqual({ shards: 3, state: 'live' });
    expect(lives.apply(HOME, define(3, 3))).toBe(false);
    expect(lives.at(SHARD, BOARD)).toEqual({ shards: 3, state: 'live' });
    expect(lives.apply(HOME, remove(4))).toBe(true);
    expect(lives.at(SHARD, BOARD)).toEqual({ shards: 3, state: 'over' });
    expect(lives.at(HOME, BOARD)).toEqual({ shards: undefined, state: 'live' });
    lives.apply(SHARD, remove(5, { first: at(4) }));
    expect(lives.at(SHARD, BOARD)).toEqual({ shards: undefined, state: 'over' });
  });

  it('can give the shards before a removal, while the own partition has new ones', () => {
    lives.apply(HOME, define(1, 3));
    lives.apply(SHARD, define(2, 3, { first: at(1), born: at(1) }));
    lives.apply(HOME, remove(3));
    lives.apply(HOME, define(4, 2));
    expect(lives.at(SHARD, BOARD)).toEqual({ shards: 3, state: 'over' });
    lives.apply(SHARD, define(5, 2, { first: at(4), born: at(4) }));
    lives.apply(SHARD, remove(6, { first: at(3) }));
    expect(lives.at(SHARD, BOARD)).toEqual({ shards: 2, state: 'live' });
  });

  it('can be ahead of an event with a later id', () => {
    lives.apply(SHARD, define(2, 3, { first: at(3), born: at(3) }));
    expect(lives.at(SHARD, BOARD)).toEqual({ shards: 3, state: 'ahead' });
    lives.apply(HOME, define(3, 3));
    expect(lives.at(SHARD, BOARD)).toEqual({ shards: 3, state: 'live' });
  });
});
