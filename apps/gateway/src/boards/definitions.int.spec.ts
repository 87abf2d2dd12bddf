import { BoardCatalog } from '#libs/leaderboards';
import { SERVER_KEY, useScoreGateways } from '../scores/test-score-gateways.js';

describe('definitions', () => {
  const current = useScoreGateways();
  const { send, define } = current;

  it('are accepted with all fields', async () => {
    const answer = await define('full', {
      ...{ order: 'asc', operator: 'sum', tieBreak: 'last', ranking: 'dense', submit: 'servers' },
      ...{ reset: '0 18 * * 5', timezone: 'Europe/Berlin', keepPeriods: 3, filter: { region: ['eu'] } },
      ...{ min: 0, max: 10, maxEntries: 100, minInterval: 0.5 },
    });
    expect(answer).toMatchObject({
      status: 202,
      body: { eventId: expect.any(String), status: 'accepted' },
    });
    const found = await new BoardCatalog(current.test.redis, current.test.topology).find('full');
    expect(found.definition).toMatchObject({ reset: '0 18 * * 5', keepPeriods: 3, minInterval: 0.5 });
  });

  it('are refused with the invalid fields', async () => {
    expect(await define('wrong', { order: 'up', reset: 'never' })).toMatchObject({
      status: 400,
      headers: { 'content-type': 'application/problem+json; charset=utf-8' },
      body: { type: 'urn:questlog:validation', errors: [{ path: 'order' }] },
    });
  });

  it.each(['null', '[]', '5', '"text"'])('are objects, not %s', async body => {
    const headers = { 'content-type': 'application/json' };
    expect(await define('wrong', body as unknown as object, headers)).toMatchObject({ status: 400 });
  });

  it('of derived boards cannot be chained, and the problem says what to do', async () => {
    await define('root', {});
    expect(await define('leaf', { source: 'root' })).toMatchObject({ status: 202 });
    expect(await define('leaf-2', { source: 'leaf' })).toMatchObject({
      status: 409,
      body: { type: 'urn:questlog:derived-board', detail: expect.stringContaining('root') },
    });
    expect(await define('root', { source: 'full' })).toMatchObject({
      status: 409,
      body: { type: 'urn:questlog:board-in-use', detail: expect.stringContaining('leaf') },
    });
    expect(await define('root', { max: 5 })).toMatchObject({ status: 202 });
  });

  it('can be removed, unless the board is a source', async () => {
    await define('base', {});
    await define('top', { source: 'base' });
    expect(await send('DELETE', '/v1/leaderboards/base')).toMatchObject({
      status: 409,
      body: { detail: expect.stringContaining('top') },
    });
    const headers = { 'idempotency-key': 'gone' };
    const first = await send('DELETE', '/v1/leaderboards/top', undefined, headers);
    expect(first).toMatchObject({ status: 202 });
    expect(await send('DELETE', '/v1/leaderboards/top')).toMatchObject({ status: 404 });
    expect(await send('DELETE', '/v1/leaderboards/top', undefined, headers)).toMatchObject({
      status: 202,
      headers: { 'idempotency-replayed': 'true' },
      body: first.body,
    });
    expect(await send('DELETE', '/v1/leaderboards/base')).toMatchObject({ status: 202 });
    expect(await send('DELETE', '/v1/leaderboards/never')).toMatchObject({ status: 404 });
  });

  it('refuse revocations on a derived board', async () => {
    await define('origin', {});
    await define('mirror', { source: 'origin' });
    expect(await send('DELETE', '/v1/leaderboards/mirror/entries/ada')).toMatchObject({
      status: 409,
      body: { type: 'urn:questlog:derived-board', detail: expect.stringContaining('origin') },
    });
    expect(await send('DELETE', '/v1/leaderboards/origin/entries/ada')).toMatchObject({ status: 202 });
  });

  it.each(['PUT', 'DELETE'] as const)('are for operators: %s', async method => {
    const headers = { authorization: `Bearer ${SERVER_KEY}` };
    const payload = method === 'PUT' ? {} : undefined;
    expect(await send(method, '/v1/leaderboards/full', payload, headers)).toMatchObject({ status: 403 });
  });
});
