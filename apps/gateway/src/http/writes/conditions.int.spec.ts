import { useListeningGateway } from '../server/test-listening-gateway.js';

describe('a condition', () => {
  const current = useListeningGateway();
  const { send } = current;

  const SLOT = '/v1/players/ada/saves/conditions';
  const put = (headers: Record<string, string>) => send('PUT', SLOT, '{"hp":1}', headers);
  const version = async () => Number(/\d+/.exec(String((await put({})).headers.etag))?.[0]);

  it('of If-Match can be a weak tag, or a list', async () => {
    const current = await version();
    expect((await put({ 'if-match': `W/"${current + 1}"` })).status).toBe(412);
    expect((await put({ 'if-match': `W/"${current}"` })).status).toBe(202);
    expect((await put({ 'if-match': `"${current}", W/"${current + 2}"` })).status).toBe(412);
    expect((await put({ 'if-match': `"77777", W/"${current + 1}"` })).status).toBe(202);
    expect((await put({ 'if-match': `"77777", "${current + 1}"` })).headers.etag).toBe(`"${current + 2}"`);
    const merge = { 'content-type': 'application/merge-patch+json' };
    const patch = (match: string) => send('PATCH', SLOT, '{"mp":1}', { ...merge, 'if-match': match });
    expect((await patch(`"77777", W/"${current + 2}"`)).status).toBe(202);
    expect((await patch(`"77777", W/"${current + 2}"`)).status).toBe(412);
    expect((await send('DELETE', SLOT, undefined, { 'if-match': '"77777", "77778"' })).status).toBe(412);
    expect((await send('DELETE', SLOT, undefined, { 'if-match': `"7", "${current + 3}"` })).status).toBe(202);
    expect((await put({ 'if-match': '"7", "8"' })).status).toBe(412);
  });

  it('of a profile can be a list of versions, too', async () => {
    const patch = (match: string) =>
      send('PATCH', '/v1/players/ida', '{"name":"Ida"}', { 'if-match': match });
    expect((await send('PATCH', '/v1/players/ida', '{"name":"Ida"}')).status).toBe(202);
    expect((await patch('W/"1", "9"')).status).toBe(202);
    expect((await patch('W/"1", "9"')).status).toBe(412);
  });

  it('of If-Unmodified-Since holds until the save is later, in whole seconds', async () => {
    const { headers } = await put({});
    const made = Date.parse(String(headers['last-modified']));
    let latest = JSON.parse(String(headers.etag));
    const since = (ms: number) => ({ 'if-unmodified-since': new Date(ms).toUTCString() });
    const merge = { 'content-type': 'application/merge-patch+json' };
    const writes = [
      (more: Record<string, string>) => put(more),
      (more: Record<string, string>) => send('PATCH', SLOT, '{"mp":1}', { ...merge, ...more }),
      (more: Record<string, string>) => send('POST', `${SLOT}/restore`, `{"version":${latest}}`, more),
      (more: Record<string, string>) => send('DELETE', SLOT, undefined, more),
    ];
    for (const write of writes) {
      const { status, headers: refused } = await write(since(made - 1_000));
      expect({ status, etag: refused.etag }).toEqual({
        status: 412,
        etag: expect.stringMatching(/^"\d+"$/),
      });
    }
    expect((await put(since(made - 86_400_000))).status).toBe(412);
    expect((await put({ 'if-unmodified-since': 'the day before yesterday' })).status).toBe(202);
    const { etag } = (await put({})).headers;
    expect((await put({ ...since(0), 'if-match': String(etag) })).status).toBe(202);
    latest = JSON.parse(String((await put({})).headers.etag));
    for (const write of writes) {
      const answer = await write(since(Date.now() + 5_000));
      expect(answer.status).toBe(202);
      latest = JSON.parse(String(answer.headers.etag));
    }
    // Nothing is there any more that could be later.
    expect((await put(since(0))).status).toBe(202);
  });

  it('that no longer holds does not change the answer to a repeated key', async () => {
    const key = {
      'idempotency-key': 'once',
      'if-unmodified-since': new Date(Date.now() + 5_000).toUTCString(),
    };
    const first = await put(key);
    const again = await put({ ...key, 'if-unmodified-since': new Date(0).toUTCString() });
    expect(again.body.eventId).toBe(first.body.eventId);
    expect(again.headers['idempotency-replayed']).toBe('true');
  });
});
