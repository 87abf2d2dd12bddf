import { Topology } from '#libs/event-log';
import { type BoardDefinition, DEFAULT_DEFINITION, type NewEvent, type RecordedEvent } from '#libs/events';
import { Router } from './router.js';

const FIVE = new Topology('test', { scores: 5, players: 5 });
const ONE = new Topology('test', { scores: 1, players: 1 });
const FIRST = { ms: 7, seq: 1 };
const BORN = { ms: 5, seq: 0 };
const actor = { kind: 'admin', id: 'op' } as const;

const event = <T extends NewEvent['type']>(type: T, data: unknown): RecordedEvent =>
  ({ type, data, actor, id: { ms: 7, seq: 0 }, idempotencyKey: 'key' }) as RecordedEvent;
const define = (board: string, definition: Partial<BoardDefinition> = {}) =>
  event('BoardDefined', { board, definition: { ...DEFAULT_DEFINITION, ...definition } });

describe('the place of an event', () => {
  /** Boards whose own partitions are these. */
  const [zero, one, two] = (() => {
    const names = Array.from({ length: 100 }, (_, i) => `board-${i}`);
    return [0, 1, 2].map(
      partition => names.find(name => FIVE.of('scores', name).partition === partition) as string,
    );
  })() as [string, string, string];
  /** The partition, and the type of the copy there. */
  const places = (router: Router, of: RecordedEvent) =>
    router.route(of).map(({ partition, copy }) => [partition, copy?.(FIRST).type]);

  it('is the partition of its subject', () => {
    const score = event('ScoreSubmitted', { board: one, player: 'ada', score: 1 });
    expect(places(new Router(FIVE), score)).toEqual([[1, undefined]]);
  });

  it('is every partition for a ban, the first one first', () => {
    const routed = new Router(FIVE).route(event('PlayerBanned', { player: 'ada' }));
    expect(routed.map(({ partition }) => partition)).toEqual([0, 1, 2, 3, 4]);
    expect(routed[0]?.copy).toBeUndefined();
    expect(routed[3]?.copy?.(FIRST)).toEqual({
      type: 'PlayerBanned',
      data: { player: 'ada', first: FIRST },
      actor,
      idempotencyKey: 'key',
    });
  });

  it('is nowhere for a copy, because the original gets new ones', () => {
    const ban = event('PlayerBanned', { player: 'ada', first: FIRST });
    const definition = event('BoardDefined', { board: one, definition: DEFAULT_DEFINITION, first: FIRST });
    expect([ban, definition].flatMap(copy => new Router(FIVE).route(copy))).toEqual([]);
  });

  it('includes the partition of the source of a derived board', () => {
    const router = new Router(FIVE);
    expect(places(router, define(one, { source: two }))).toEqual([
      [1, undefined],
      [2, 'BoardDefined'],
    ]);
    expect(places(router, define(two, { source: two }))).toEqual([
      [2, undefined],
      [2, 'BoardDefined'],
    ]);
  });

  it('includes the partition that a board leaves', () => {
    const router = new Router(FIVE);
    router.route(define(one, { source: two }));
    expect(places(router, define(one, { source: zero }))).toEqual([
      [1, undefined],
      [0, 'BoardDefined'],
      [2, 'BoardRemoved'],
    ]);
    expect(places(router, event('BoardRemoved', { board: one }))).toEqual([
      [1, undefined],
      [0, 'BoardRemoved'],
    ]);
    expect(places(router, define(one))).toEqual([[1, undefined]]);
  });

  it('does not include the partition to which a board has returned', () => {
    const router = new Router(ONE);
    router.route(define(one, { source: two }));
    expect(places(router, define(one, { source: zero }))).toEqual([
      [0, undefined],
      [0, 'BoardDefined'],
    ]);
  });

  it('includes the partitions of all shards, also if there are more shards than partitions', () => {
    const router = new Router(FIVE);
    const spread = define(one, { shards: 3 });
    expect(places(router, spread)).toEqual([
      [1, undefined],
      [2, 'BoardDefined'],
      [3, 'BoardDefined'],
    ]);
    expect(router.route(spread)[1]?.copy?.(FIRST, BORN).data).toMatchObject({ first: FIRST, born: BORN });
    expect(places(router, event('BoardRemoved', { board: one }))).toEqual([
      [1, undefined],
      [2, 'BoardRemoved'],
      [3, 'BoardRemoved'],
    ]);
    expect(new Router(FIVE).route(define(one, { shards: 9 }))).toHaveLength(5);
    expect(new Router(ONE).route(spread)).toHaveLength(1);
  });

  it("is the partition of the player's shard for an event about a player", () => {
    const score = event('ScoreSubmitted', { board: one, player: 'max', score: 1 });
    const partitions = [1, 2, 3].map(shards => new Router(FIVE).route(score, shards)[0]?.partition);
    // crc32('max') is 1 modulo 2, and 2 modulo 3.
    expect(partitions).toEqual([1, 2, 3]);
  });

  it('includes all shards of the source of a derived board, whichever has the later id', () => {
    const router = new Router(FIVE);
    router.route(define(two, { shards: 2 }));
    expect(places(router, define(one, { source: two }))).toEqual([
      [1, undefined],
      [2, 'BoardDefined'],
      [3, 'BoardDefined'],
    ]);
    const [, copy] = router.route(define(one, { source: two }));
    expect(copy?.copy?.(FIRST).data).toMatchObject({ definition: { source: two, shards: 2 } });
    const late = new Router(FIVE);
    const counting = define(one, { source: two });
    late.route(counting);
    late.route(define(two, { shards: 2 }));
    const [found] = late.derivedFrom(two);
    expect(found?.board).toBe(one);
    expect(found?.copiesOf(counting).map(({ partition }) => partition)).toEqual([2, 3]);
    expect(late.derivedFrom(two)).toEqual([]);
    expect(places(late, event('BoardRemoved', { board: one })).slice(1)).toEqual([
      [2, 'BoardRemoved'],
      [3, 'BoardRemoved'],
    ]);
  });

  it('is unknown while a player is being erased', () => {
    const router = new Router(FIVE);
    for (const type of ['PlayerErased', 'ScoresErased'] as const)
      expect(() => router.route(event(type, { player: 'ada' }))).toThrow('being erased');
  });
});
