import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { shardOf, shardsOf } from '#libs/event-log';
import { unpackEvent } from '#libs/events';
import { useScoreGateways } from './test-score-gateways.js';

const PLAYERS = Array.from({ length: 30 }, (_, i) => `p${i}`);

describe('boards with shards', () => {
  const gateways = useScoreGateways();

  interface Options {
    readonly gateway?: NestFastifyApplication;
    readonly key?: string;
  }
  const send = (
    method: 'PUT' | 'POST' | 'DELETE',
    path: string,
    payload?: object,
    { gateway, key }: Options = {},
  ) => gateways.send(method, `/v1/${path}`, payload, { ...(key && { 'idempotency-key': key }) }, gateway);
  const define = (board: string, definition: object, options?: Options) =>
    send('PUT', `leaderboards/${board}`, definition, options);
  const submit = (board: string, player: string, options?: Options) =>
    send('POST', `leaderboards/${board}/scores`, { player, score: 1 }, options);
  const remove = (board: string) => send('DELETE', `leaderboards/${board}`);

  /** Players whose scores on the board each partition has. */
  const playersOf = async (board: string) =>
    Promise.all(
      gateways.test.topology.all('scores').map(async ({ stream }) => {
        const entries = await gateways.test.redis.xrange(stream, '-', '+');
        return entries
          .map(([id, fields]) => unpackEvent(id, fields))
          .flatMap(event =>
            event.type === 'ScoreSubmitted' && event.data.board === board ? [event.data.player] : [],
          );
      }),
    );

  it('store scores and revocations by player, from single requests and lists', async () => {
    expect((await define('spread', { shards: 3 })).status).toBe(202);
    const [first = '', ...rest] = PLAYERS;
    expect((await submit('spread', first)).status).toBe(202);
    const scores = rest.map((player, score) => ({ board: 'spread', player, score }));
    const { body } = await send('POST', 'scores', { scores });
    expect(body.results.every(({ eventId }: { eventId?: string }) => eventId !== undefined)).toBe(true);
    const places = await playersOf('spread');
    for (const keys of gateways.test.topology.all('scores')) {
      const own = PLAYERS.filter(player => shardOf(gateways.test.topology, 'spread', player, 3) === keys);
      expect(places[keys.partition]).toEqual(own);
      for (const player of own.slice(0, 2)) {
        const revoked = await send('DELETE', `leaderboards/spread/entries/${player}`);
        expect(revoked.body.eventId).toMatch(`s${keys.partition}-`);
      }
    }
    expect(places.filter(({ length }) => length > 0)).toHaveLength(3);
  });

  it('are found by a gateway with no definition or an old one', async () => {
    await define('moved', {});
    await submit('moved', 'ada', { gateway: gateways.other });
    await remove('moved');
    await define('moved', { shards: 4 });
    for (const player of PLAYERS) {
      const { body } = await submit('moved', player, { gateway: gateways.other });
      const { partition } = shardOf(gateways.test.topology, 'moved', player, 4);
      expect(body.eventId).toMatch(`s${partition}-`);
    }
    await remove('moved');
    const { partition } = gateways.test.topology.of('scores', 'moved');
    for (const player of PLAYERS.slice(0, 5))
      expect((await submit('moved', player, { gateway: gateways.other })).body.eventId).toMatch(
        `s${partition}-`,
      );
  });

  it('refuse scores in a shard without the definition, until they are defined again', async () => {
    await define('torn', { shards: 4 }, { key: 'torn' });
    const [, late] = shardsOf(gateways.test.topology, 'torn', 4);
    const player = PLAYERS.find(name => shardOf(gateways.test.topology, 'torn', name, 4) === late) ?? '';
    // As after a crash between two partitions.
    await gateways.test.redis.hdel(late?.definitions() ?? '', 'torn');
    expect(await submit('torn', player)).toMatchObject({
      status: 409,
      body: { type: 'urn:questlog:definition-changed' },
    });
    const others = PLAYERS.filter(name => shardOf(gateways.test.topology, 'torn', name, 4) !== late);
    expect((await submit('torn', others[0] ?? '')).status).toBe(202);
    expect((await define('torn', { shards: 4 })).status).toBe(202);
    expect((await submit('torn', player)).status).toBe(202);
  });

  it.each([
    ['more of them than there are partitions', { shards: 5 }, 'shards'],
    ['none', { shards: 0 }, 'shards'],
    ['half of one', { shards: 1.5 }, 'shards'],
    ['a source', { shards: 2, source: 'spread' }, 'shards'],
    ['dense ranks', { shards: 2, ranking: 'dense' }, 'ranking'],
  ])('cannot have %s', async (_, definition, path) => {
    expect(await define('wrong', definition)).toMatchObject({
      status: 400,
      body: { type: 'urn:questlog:validation', errors: [{ path }] },
    });
  });

  it('report how many partitions there are', async () => {
    const { body } = await define('wrong', { shards: 5 });
    expect(body.errors[0].message).toContain('at most 4');
  });

  it('are ordinary boards with a single shard', async () => {
    expect((await define('single', { shards: 1 })).status).toBe(202);
    expect((await define('single', {})).status).toBe(202);
    expect((await submit('single', 'ada')).status).toBe(202);
    expect(await define('single', { shards: 2 })).toMatchObject({
      status: 409,
      body: { type: 'urn:questlog:shards-fixed' },
    });
  });

  it('keep their number of shards until they are removed', async () => {
    const first = await define('fixed', { shards: 2 }, { key: 'k' });
    expect((await define('fixed', { shards: 2, max: 10 })).status).toBe(202);
    for (const definition of [{}, { shards: 3 }, { source: 'spread' }])
      expect(await define('fixed', definition)).toMatchObject({
        status: 409,
        body: { type: 'urn:questlog:shards-fixed', detail: expect.stringContaining('remove the board') },
      });
    expect((await define('fixed', { shards: 2 }, { key: 'k' })).body).toEqual(first.body);
    await remove('fixed');
    expect((await define('fixed', { shards: 3 })).status).toBe(202);
  });

  it('cannot be defined on a board that has scores and no definition', async () => {
    await submit('scored', 'ada');
    expect(await define('scored', { shards: 2 })).toMatchObject({
      status: 409,
      body: { type: 'urn:questlog:board-scored', detail: expect.stringContaining('remove the board') },
    });
    expect((await define('scored', { max: 5 })).status).toBe(202);
    await remove('scored');
    expect((await define('scored', { shards: 2 })).status).toBe(202);
  });

  it('are those of the source where a board has one, which cannot have dense ranks then', async () => {
    await define('root', { shards: 2 });
    expect((await define('leaf', { source: 'root' })).body.eventId).toMatch('s*-');
    expect(await define('dense-leaf', { source: 'root', ranking: 'dense' })).toMatchObject({
      status: 409,
      body: { type: 'urn:questlog:dense-shards' },
    });
    await define('late-leaf', { source: 'late-root' });
    expect(await define('late-root', { shards: 2 })).toMatchObject({
      status: 409,
      body: { type: 'urn:questlog:board-in-use' },
    });
  });
});
