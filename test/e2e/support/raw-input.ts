/** Bytes that no HTTP client would send. */
export interface RawInput {
  readonly what: string;
  readonly bytes: string | Buffer;
  readonly expected: number;
}

const BOARDS = '/v1/leaderboards';
const SCORES = `${BOARDS}/bad/scores`;

/** @param key an admin's key, so that nothing is refused for lack of rights */
export function rawInputs(key: string): RawInput[] {
  const authorization = `Authorization: Bearer ${key}`;
  const json = 'Content-Type: application/json';
  const request = (line: string, ...headers: string[]) =>
    [`${line} HTTP/1.1`, 'Host: x', authorization, ...headers, '', ''].join('\r\n');
  const post = (body: string, ...headers: string[]) => request(`POST ${SCORES}`, json, ...headers) + body;
  const chunked = (body: string) => post(body, 'Transfer-Encoding: chunked');
  const score = '{"score":9,"player":"ada"}';
  const inputs: [what: string, expected: number, bytes: string | Buffer][] = [
    ['no HTTP at all', 400, 'hello\r\n\r\n'],
    ['a TLS greeting', 400, Buffer.from('160301020001000001fc0303', 'hex')],
    ['the preface of HTTP/2', 400, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['HTTP/9.9', 400, `GET ${BOARDS} HTTP/9.9\r\nHost: x\r\n\r\n`],
    ['no Host', 400, `GET ${BOARDS} HTTP/1.1\r\n\r\n`],
    ['a method of its own', 400, request(`FROBNICATE ${BOARDS}`)],
    ['CONNECT', 405, 'CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n'],
    ['TRACE', 405, request(`TRACE ${BOARDS}`)],
    ['PROPFIND', 405, request(`PROPFIND ${BOARDS}`)],
    ['a CR in a header', 400, request(`GET ${BOARDS}`, 'Prefer: a\rX-Evil: 1')],
    ['a NUL in a header', 400, request(`GET ${BOARDS}`, 'Prefer: a\u0000b')],
    ['an escape in a header', 400, request(`GET ${BOARDS}`, 'Prefer: \u001b[2J')],
    ['a space before the colon', 400, request(`GET ${BOARDS}`, 'Prefer : wait=1')],
    ['a header without a name', 400, request(`GET ${BOARDS}`, ': nothing')],
    [
      'a header that goes on in the next line',
      400,
      request(`POST ${SCORES}`, json, 'Idempotency-Key: a', ' b'),
    ],
    ['a header of 20,000 characters', 431, request(`GET ${BOARDS}`, `X-Long: ${'x'.repeat(20_000)}`)],
    ['3,000 headers', 431, request(`GET ${BOARDS}`, ...Array.from({ length: 3_000 }, (_, i) => `X-${i}: y`))],
    ['a URL of 20,000 characters', 431, request(`GET ${BOARDS}?cursor=${'x'.repeat(20_000)}`)],
    ['a NUL in the URL', 400, request('GET /v1/leaderboards/a\u0000b')],
    ['a space in the URL', 400, request('GET /v1/leaderboards/a b')],
    ['a URL that is not encoded', 400, request('GET /v1/leaderboards/%E0%A4%A')],
    ['a length that is no number', 400, post(score, 'Content-Length: abc')],
    ['a negative length', 400, post(score, 'Content-Length: -1')],
    ['two lengths', 400, post(score, 'Content-Length: 26', 'Content-Length: 27')],
    ['a length and chunks', 400, post(`0\r\n\r\n`, 'Content-Length: 26', 'Transfer-Encoding: chunked')],
    ['chunks and another coding', 400, post(score, 'Transfer-Encoding: chunked, identity')],
    ['a coding that is none', 400, post(score, 'Transfer-Encoding: xchunked')],
    ['a length of 1e400', 400, post(score, 'Content-Length: 1e400')],
    ['a length beyond 2^64', 400, post(score, 'Content-Length: 99999999999999999999')],
    ['a length beyond the limit', 413, post(score, 'Content-Length: 9007199254740991')],
    ['a chunk size that is no number', 400, chunked('zz\r\n{}\r\n0\r\n\r\n')],
    ['a negative chunk size', 400, chunked('-1\r\n{}\r\n0\r\n\r\n')],
    ['a chunk size beyond 2^64', 400, chunked('fffffffffffffffff\r\n{}\r\n')],
    ['a chunk that is longer than it says', 400, chunked(`2\r\n${score}\r\n0\r\n\r\n`)],
    ['chunk extensions without end', 413, chunked(`1a;${'x'.repeat(20_000)}\r\n${score}\r\n0\r\n\r\n`)],
    ['a trailer without a name', 400, chunked(`1a\r\n${score}\r\n0\r\n: x\r\n\r\n`)],
    ['chunks that hold no JSON', 400, chunked('3\r\nabc\r\n0\r\n\r\n')],
    ['an expectation', 417, post(score, 'Expect: a-miracle', 'Content-Length: 26')],
    ['a body after a GET', 400, `${request(`GET ${BOARDS}?limit=x`, json, 'Content-Length: 2')}{}`],
    ['pipelined, the first one bad', 400, request(`GET ${BOARDS}?limit=x`) + request(`GET ${BOARDS}`)],
    [
      'Authorization twice',
      401,
      `GET /v1/admin/streams HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\n${authorization}\r\n\r\n`,
    ],
    ['an absolute URL of another scheme', 404, request('GET ftp://evil.example/v1/leaderboards')],
    ['an Upgrade', 404, request('GET /v1/socket', 'Connection: Upgrade', 'Upgrade: websocket')],
    ['no Content-Type for a body', 415, `${request(`POST ${SCORES}`, 'Content-Length: 26')}${score}`],
    [
      'two Content-Types',
      415,
      `${request(`POST ${SCORES}`, 'Content-Type: text/plain', json, 'Content-Length: 26')}${score}`,
    ],
  ];
  return inputs.map(([what, expected, bytes]) => ({ what, expected, bytes }));
}
