import { once } from 'node:events';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { BOM, JSON_TYPE, NDJSON, SAVE, useListeningGateway } from './test-listening-gateway.js';

describe('the encoding of a body', () => {
  const current = useListeningGateway();
  const { send } = current;

  describe('a compressed body', () => {
    const GZIP = { 'content-encoding': 'gzip' };

    it('is accepted on every kind of route', async () => {
      const gzip = (text: string) => gzipSync(text);
      expect((await send('PUT', SAVE, gzip('{"hp": 1}'), GZIP)).status).toBe(202);
      const merge = { ...GZIP, 'content-type': 'application/merge-patch+json' };
      expect((await send('PATCH', SAVE, gzip('{"mp": 2}'), merge)).status).toBe(202);
      const patch = { ...GZIP, 'content-type': 'application/json-patch+json' };
      const operations = '[{"op":"add","path":"/xp","value":3}]';
      expect((await send('PATCH', SAVE, gzip(operations), patch)).status).toBe(202);
      expect(
        (await send('POST', '/v1/leaderboards/b/scores', gzip('{"player":"ada","score":1}'), GZIP)).status,
      ).toBe(202);
      const wrapped = gzip('{"playerData":{"id":"x"}}');
      expect((await send('POST', '/api/playerstate', wrapped, GZIP)).status).toBe(403);
      const lines = gzip(`${BOM}{"board":"b","player":"ada","score":1}\n`.repeat(1_500));
      const { status, body } = await send('POST', '/v1/scores/import', lines, {
        ...GZIP,
        'content-type': NDJSON,
      });
      expect({ status, body }).toMatchObject({ status: 200, body: { accepted: 1_500 } });
    });

    it('is limited by its decompressed size', async () => {
      const document = (bytes: number) => `{"a":"${'x'.repeat(bytes - 8)}"}`;
      const [fits, isTooMuch] = [256 * 1024, 256 * 1024 + 1].map(document) as [string, string];
      // Without compression, gzip is longer than what is in it.
      for (const level of [0, 9]) {
        expect((await send('PUT', SAVE, gzipSync(fits, { level }), GZIP)).status).toBe(202);
        expect((await send('PUT', SAVE, gzipSync(isTooMuch, { level }), GZIP)).status).toBe(413);
      }
    });

    it('that would become enormous is refused at the limit', async () => {
      const bomb = gzipSync(Buffer.alloc(200 * 1024 * 1024));
      const before = process.cpuUsage();
      const { status, body } = await send('PUT', SAVE, bomb, GZIP);
      const { user, system } = process.cpuUsage(before);
      expect({ status, body }).toMatchObject({ status: 413, body: { type: 'urn:questlog:too-large' } });
      expect((user + system) / 1_000).toBeLessThan(100);
    });

    it('that is truncated, corrupt, or followed by other bytes is 400', async () => {
      const whole = gzipSync('{"hp": 1}');
      const parts = [
        whole.subarray(0, 20),
        Buffer.from('{"hp": 1}'),
        Buffer.concat([whole, Buffer.from('more')]),
        Buffer.alloc(5),
      ];
      for (const part of parts) {
        const { status, body } = await send('PUT', SAVE, part, GZIP);
        expect({ status, body }).toMatchObject({
          status: 400,
          body: { detail: expect.stringContaining('gzip') },
        });
      }
      const { status } = await send('POST', '/v1/scores/import', whole.subarray(0, 20), {
        ...GZIP,
        'content-type': NDJSON,
      });
      expect(status).toBe(400);
    });

    it.each(['br', 'deflate', 'zstd', 'compress', 'gzip, br', 'gzip, gzip', 'nonsense'])(
      'in %s is 415 and told what is taken',
      async coding => {
        const answer = await send('PUT', SAVE, '{"hp":1}', { 'content-encoding': coding });
        expect(answer.status).toBe(415);
        expect(answer.headers['accept-encoding']).toBe('gzip');
      },
    );

    it('can be marked as not compressed', async () => {
      for (const coding of ['identity', 'Identity', '', ', identity,,'])
        expect((await send('PUT', SAVE, '{"hp":1}', { 'content-encoding': coding })).status).toBe(202);
      for (const coding of ['X-GZIP', 'gzip,', ',, gzip, identity'])
        expect((await send('PUT', SAVE, gzipSync('{}'), { 'content-encoding': coding })).status).toBe(202);
    });
  });

  describe('a transfer coding', () => {
    const CHUNKS = '2\r\n{}\r\n0\r\n\r\n';
    /** Where the body ends for those who read the codings in another way. */
    const HIDDEN = 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n';
    const post = (version: string, ...headers: string[]) =>
      [`POST /v1/sessions HTTP/${version}`, 'Host: x', `Content-Type: ${JSON_TYPE}`, ...headers, '', ''].join(
        '\r\n',
      );
    /** All that comes until the connection is closed. */
    const answersTo = async (bytes: string): Promise<string> => {
      const socket = connect(current.port, '127.0.0.1', () => socket.write(bytes));
      let text = '';
      socket.on('data', chunk => {
        text += chunk;
      });
      await once(socket, 'close');
      return text;
    };

    it.each([
      ['gzip, chunked', 400],
      ['chunked, chunked', 400],
      ['identity, chunked', 400],
      ['x-unknown;a=", chunked", chunked', 400],
      ['\vchunked', 400],
      ['chunked, gzip', 400],
      ['chunked, identity', 400],
      ['gzip', 400],
      ['identity', 400],
      ['chunked;q=1', 400],
    ])('Transfer-Encoding: %s is %d, and nothing after it is read', async (codings, status) => {
      const text = await answersTo(post('1.1', `Transfer-Encoding: ${codings}`) + CHUNKS + HIDDEN);
      expect(text.match(/^HTTP\/1.1 /gm)).toHaveLength(1);
      expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
      expect(text).toContain('application/problem+json');
      expect(text.toLowerCase()).toContain('connection: close');
    });

    it.each([
      ['in two headers', post('1.1', 'Transfer-Encoding: gzip', 'Transfer-Encoding: chunked'), 400],
      ['beside a length', post('1.1', 'Content-Length: 2', 'Transfer-Encoding: chunked'), 400],
      ['in HTTP/1.0', post('1.0', 'Connection: keep-alive', 'Transfer-Encoding: chunked'), 400],
    ])('%s is refused, and nothing after it is read', async (_, head, status) => {
      const text = await answersTo(head + CHUNKS + HIDDEN);
      expect(text.match(/^HTTP\/1.1 /gm)).toHaveLength(1);
      expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
      expect(text).toContain('application/problem+json');
    });

    it.each(['chunked', 'Chunked', ', chunked'])('%s is accepted', async codings => {
      const text = await answersTo(
        post('1.1', 'Connection: close', `Transfer-Encoding: ${codings}`) + CHUNKS,
      );
      expect(text).toMatch(/^HTTP\/1.1 201 /);
    });
  });
});
