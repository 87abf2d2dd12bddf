import { gzipSync } from 'node:zlib';
import type { BadInput } from './bad-input.js';

const SCORES = '/v1/leaderboards/bad/scores';
const SAVE = '/v1/players/ada/saves/auto';
const PROFILE = '/v1/players/ada';
const JSON_TYPE = { 'Content-Type': 'application/json' };
const MERGE = { 'Content-Type': 'application/merge-patch+json' };
const PATCH = { 'Content-Type': 'application/json-patch+json' };
const NDJSON = { 'Content-Type': 'application/x-ndjson' };

type Line = readonly [
  expected: number,
  what: string,
  body: string | Buffer,
  headers?: Record<string, string>,
];

const nested = (levels: number, open = '{"a":', close = '}') =>
  open.repeat(levels) + (open === '[' ? '' : '1') + close.repeat(levels);
const score = (text: string) => `{"player":"ada","score":${text}}`;
const attributes = (text: string) => `{"player":"ada","score":1,"attributes":${text}}`;
const definition = (field: string, text: string) => `{${JSON.stringify(field)}:${text}}`;

/** Bad requests written by hand, some of them from bugs of other servers. */
export function writtenInputs(): BadInput[] {
  return [
    ...of('POST', SCORES, JSON_TYPE, SCORE_BODIES),
    ...of('PUT', '/v1/leaderboards/bad', JSON_TYPE, DEFINITIONS),
    ...of('POST', '/v1/scores', JSON_TYPE, LISTS),
    ...of('POST', '/v1/leaderboards/bad/lookup', JSON_TYPE, LOOKUPS),
    ...of('PUT', SAVE, JSON_TYPE, DOCUMENTS),
    ...of('PATCH', SAVE, MERGE, MERGE_PATCHES),
    ...of('PATCH', SAVE, PATCH, PATCHES),
    ...of('PATCH', PROFILE, MERGE, PROFILES),
    ...of('POST', '/v1/sessions', JSON_TYPE, LOGINS),
    ...of('POST', '/v1/admin/rebuilds', JSON_TYPE, JOBS),
    ...of('POST', '/v1/scores/import', NDJSON, IMPORTS),
    ...gets(),
    ...elsewhere(),
  ];
}

const of = (
  method: string,
  path: string,
  headers: Record<string, string>,
  lines: readonly Line[],
): BadInput[] =>
  lines.map(([expected, what, body, more]) => ({
    ...{ method, path, what, expected, body },
    headers: { ...headers, ...more },
  }));

const SCORE_BODIES: Line[] = [
  [422, '2^53', score('9007199254740992')],
  [422, '2^53 + 1', score('9007199254740993')],
  [422, '-2^53', score('-9007199254740992')],
  [422, '1e300', score('1e300')],
  [400, '1e400', score('1e400')],
  [400, '-1e400', score('-1e400')],
  [400, 'NaN', score('NaN')],
  [400, 'Infinity', score('Infinity')],
  [400, '0x10', score('0x10')],
  [400, 'a score in quotes', score('"9"')],
  [400, 'a score in a list', score('[9]')],
  [400, 'a score that is null', score('null')],
  [400, 'me with a key', '{"player":"me","score":1}'],
  [400, 'no player with a key', '{"score":1}'],
  [400, 'a player with a NUL', '{"player":"a\\u0000b","score":1}'],
  [400, 'a player with a line feed', '{"player":"ada\\nbob","score":1}'],
  [400, 'a player with a hash tag', '{"player":"{s0}","score":1}'],
  [400, 'a player with a lone surrogate', '{"player":"\\ud800","score":1}'],
  [400, 'a player of 65 characters', `{"player":"${'a'.repeat(65)}","score":1}`],
  [400, 'a player that is an object', '{"player":{"toString":"ada"},"score":1}'],
  [400, 'a player in a list', '{"player":["ada"],"score":1}'],
  [400, 'an attribute with a lone surrogate', attributes('{"a":"\\udc00"}')],
  [400, 'an attribute named __proto__', attributes('{"__proto__":{"isAdmin":true}}')],
  [400, 'an attribute in an attribute', attributes('{"a":{"b":1}}')],
  [400, 'an attribute that is null', attributes('{"a":null}')],
  [400, 'an attribute of 257 characters', attributes(`{"a":"${'x'.repeat(257)}"}`)],
  [422, 'an attribute of 2^53 + 1', attributes('{"a":9007199254740993}')],
  [422, 'an attribute of 1e400', attributes('{"a":1e400}')],
  [400, '17 attributes', attributes(`{${Array.from({ length: 17 }, (_, i) => `"a${i}":1`)}}`)],
  [400, 'an attribute with a name that is no id', attributes('{"a b":1}')],
  [400, 'an attribute with an empty name', attributes('{"":1}')],
  [400, '__proto__', '{"__proto__":{"player":"ada"},"score":1}'],
  [400, '__proto__, escaped', '{"\\u005f_proto__":{"player":"ada"},"score":1}'],
  [422, '50,000 levels of lists', nested(50_000, '[', ']')],
  [422, '10,000 levels of objects', nested(10_000)],
  [400, '10,000 unknown fields', `{${Array.from({ length: 10_000 }, (_, i) => `"f${i}":1`)}}`],
  [413, 'more than 256 KiB', score(`1${' '.repeat(256 * 1024)}`)],
  [415, 'a coding that is not taken', gzipSync(score('1')), { 'Content-Encoding': 'br' }],
  [400, 'no gzip under its name', score('1'), { 'Content-Encoding': 'gzip' }],
  [400, 'Latin-1', Buffer.from('{"player":"j\u00fcrgen","score":1}', 'latin1')],
  [400, 'an overlong encoding', Buffer.from([0x22, 0xc0, 0x80, 0x22])],
  [400, 'a surrogate in UTF-8', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])],
  [400, 'two documents', `${score('1')}${score('2')}`],
  [400, 'a comment', `${score('1')} // no`],
  [400, 'an Idempotency-Key twice', score('1'), { 'Idempotency-Key': 'a, b' }],
  [400, 'Prefer: wait twice, the first one bad', score('1'), { Prefer: 'wait=no, wait=1' }],
];

/** Bad scores, to be sent in a list or one per line. */
export const badScores = (): string[] =>
  SCORE_BODIES.flatMap(([, , body, headers]) =>
    typeof body === 'string' && body.startsWith('{') && !headers && isJson(body) && body.length < 60_000
      ? [body.replace('{', '{"board":"bad",')]
      : [],
  );

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const DEFINITIONS: Line[] = [
  [400, 'no field of cron has 60 minutes', definition('reset', '"60 * * * *"')],
  [400, 'a cron expression of seconds', definition('reset', '"* * * * * *"')],
  [400, 'a reset that is no rhythm', definition('reset', '"hourly; FLUSHALL"')],
  [400, 'a reset of 101 characters', definition('reset', JSON.stringify('1,'.repeat(51)))],
  [400, 'a zone that is none', '{"reset":"daily","timezone":"Mars/Olympus"}'],
  [400, 'a zone that is a path', '{"reset":"daily","timezone":"../../etc/passwd"}'],
  [400, 'an offset for a zone', '{"reset":"daily","timezone":"+02:00"}'],
  [400, 'a zone without reset', definition('timezone', '"UTC"')],
  [400, 'keepPeriods beyond its limit', '{"reset":"daily","keepPeriods":1001}'],
  [400, 'half a period', '{"reset":"daily","keepPeriods":1.5}'],
  [400, 'a source with a hash tag', definition('source', '"{s1}"')],
  [400, 'itself for a source', definition('source', '"bad"')],
  [400, 'a filter with an empty list', '{"source":"arena","filter":{"region":[]}}'],
  [400, 'a filter of objects', '{"source":"arena","filter":{"region":[{}]}}'],
  [
    400,
    'a filter of 65 choices',
    `{"source":"arena","filter":{"r":[${Array.from({ length: 65 }, (_, i) => i)}]}}`,
  ],
  [400, 'a filter that is a list', '{"source":"arena","filter":["region"]}'],
  [422, 'a min that no score can have', definition('min', '1e308')],
  [422, 'a filter of a number of 64 bits', '{"filter":{"id":[1,9007199254740993]}}'],
  [400, 'min above max', '{"min":2,"max":1}'],
  [400, 'maxEntries of 0', definition('maxEntries', '0')],
  [400, 'maxEntries beyond its limit', definition('maxEntries', '10000001')],
  [400, 'a negative minInterval', definition('minInterval', '-1')],
  [400, 'no shard', definition('shards', '0')],
  [400, 'more shards than partitions', definition('shards', '100000')],
  [400, 'shards with a source', '{"source":"arena","shards":2}'],
  [400, 'shards with dense ranks', '{"ranking":"dense","shards":2}'],
  [400, 'an order that is a method of objects', definition('order', '"constructor"')],
  [400, 'an operator in a list', definition('operator', '["best"]')],
];

const LISTS: Line[] = [
  [400, 'no scores', '{"scores":[]}'],
  [400, '1,001 scores', JSON.stringify({ scores: Array.from({ length: 1_001 }, () => ({ score: 1 })) })],
  [400, 'an object for a list', '{"scores":{"length":1,"0":{}}}'],
  [413, 'more than a MiB', `{"scores":[${' '.repeat(1024 * 1024)}]}`],
  [
    400,
    'an Idempotency-Key for all',
    '{"scores":[{"board":"bad","player":"ada","score":1}]}',
    { 'Idempotency-Key': 'k' },
  ],
];

const LOOKUPS: Line[] = [
  [400, '1,001 players', JSON.stringify({ players: Array.from({ length: 1_001 }, (_, i) => `p${i}`) })],
  [400, 'a player with a NUL', '{"players":["a\\u0000"]}'],
  [400, 'players in a list', '{"players":[["ada"]]}'],
  [400, 'me with a key', '{"players":["me"]}'],
];

const DOCUMENTS: Line[] = [
  [422, 'a list for a document', '[]'],
  [422, 'text for a document', '"hp"'],
  [422, 'null for a document', 'null'],
  [422, '65 levels', nested(65)],
  [422, '20,000 levels', nested(20_000)],
  [413, 'more than 256 KiB', JSON.stringify({ a: 'x'.repeat(256 * 1024) })],
  [400, 'a key without quotes', '{hp:1}'],
  [413, 'a gzip bomb', gzipSync(' '.repeat(100 * 1024 * 1024)), { 'Content-Encoding': 'gzip' }],
  [400, 'If-Match and If-None-Match', '{"hp":1}', { 'If-Match': '"1"', 'If-None-Match': '*' }],
  [400, 'If-None-Match of a version', '{"hp":1}', { 'If-None-Match': '"1"' }],
  [412, 'If-Match of another version', '{"hp":1}', { 'If-Match': '"77"' }],
  [412, 'If-None-Match: * where there is one', '{"hp":1}', { 'If-None-Match': '*' }],
  [415, 'JSON as text', '{"hp":1}', { 'Content-Type': 'text/plain;charset=utf-8' }],
];

const MERGE_PATCHES: Line[] = [
  [422, 'a list', '[]'],
  [422, 'null', 'null'],
  [422, '65 levels', nested(65)],
  [422, 'a key twice', '{"hp":1,"hp":2}'],
  [413, 'more than 256 KiB', JSON.stringify({ a: 'x'.repeat(256 * 1024) })],
  [415, 'plain JSON', '{"hp":2}', JSON_TYPE],
];

const PATCHES: Line[] = [
  [422, 'an object', '{"op":"add","path":"/a","value":1}'],
  [422, 'an operation that is none', '[{"op":"eval","path":"/a","value":1}]'],
  [422, 'no path', '[{"op":"remove"}]'],
  [422, 'a path without a slash', '[{"op":"remove","path":"hp"}]'],
  [422, 'a path with a bad escape', '[{"op":"remove","path":"/~2"}]'],
  [422, 'no value', '[{"op":"add","path":"/a"}]'],
  [422, 'no from', '[{"op":"move","path":"/a"}]'],
  [422, 'an operation that is null', '[null]'],
  [422, 'what is not there is removed', '[{"op":"remove","path":"/nothing"}]'],
  [422, 'a test that fails', '[{"op":"test","path":"/hp","value":99}]'],
  [422, 'an index with a leading zero', '[{"op":"add","path":"/list/01","value":1}]'],
  [422, 'an index of 1e3', '[{"op":"add","path":"/list/1e3","value":1}]'],
  [422, 'an index beyond the list', '[{"op":"add","path":"/list/99","value":1}]'],
  [422, 'a negative index', '[{"op":"remove","path":"/list/-1"}]'],
  [422, 'into itself', '[{"op":"move","from":"/list","path":"/list/0"}]'],
  [422, 'through __proto__', '[{"op":"add","path":"/__proto__/isAdmin","value":true}]'],
  [422, 'through constructor', '[{"op":"add","path":"/constructor/prototype/isAdmin","value":true}]'],
  [422, 'a list for the whole document', '[{"op":"replace","path":"","value":[]}]'],
  [422, '64 levels below another', `[{"op":"add","path":"/a","value":${nested(64)}}]`],
];

const PROFILES: Line[] = [
  [400, 'a name that is a number', '{"name":7}'],
  [400, 'a name of 65 characters', JSON.stringify({ name: 'x'.repeat(65) })],
  [422, 'a name that turns around', '{"name":"\\u202eevil"}'],
  [422, 'a profile with a number of 64 bits', '{"steam":76561198000000001}'],
  [422, 'a name with a lone surrogate', '{"name":"\\ud83d"}'],
  [422, 'a name with a NUL', '{"name":"a\\u0000"}'],
  [400, 'a country that is none', '{"country":"gbr"}'],
  [413, 'more than 8 KiB', JSON.stringify({ bio: 'x'.repeat(9_000) })],
  [400, 'own __proto__', '{"__proto__":{"isAdmin":true}}'],
];

const LOGINS: Line[] = [
  [400, 'a player without a secret', '{"playerId":"ada"}'],
  [400, 'a secret without a player', '{"secret":"x"}'],
  [400, 'a secret that is a number', '{"playerId":"ada","secret":1}'],
  [400, 'a secret of 129 characters', JSON.stringify({ playerId: 'ada', secret: 'x'.repeat(129) })],
  [400, 'a player with a wildcard', '{"playerId":"*","secret":"x"}'],
  [401, 'a player without credentials', '{"playerId":"ada","secret":"x"}'],
  [401, 'a player that is a method of objects', '{"playerId":"constructor","secret":"x"}'],
];

const JOBS: Line[] = [
  [400, 'a board for a projection without boards', '{"projection":"saves","board":"bad"}'],
  [400, 'a projection that is a method of objects', '{"projection":"constructor"}'],
  [400, 'a board with a hash tag', '{"projection":"ranking","board":"{s0}"}'],
  [400, 'a board in a list', '{"projection":"ranking","board":["bad"]}'],
];

const IMPORTS: Line[] = [
  [
    400,
    'an Idempotency-Key for all',
    '{"board":"bad","player":"ada","score":1}\n',
    { 'Idempotency-Key': 'k' },
  ],
  [415, 'JSON', '{"board":"bad","player":"ada","score":1}', JSON_TYPE],
  [415, 'text', '{"board":"bad","player":"ada","score":1}', { 'Content-Type': 'text/plain' }],
  [415, 'NDJSON by its other name', '{}\n', { 'Content-Type': 'application/ndjson' }],
];

function gets(): BadInput[] {
  const bomb = encodeURIComponent(`$${'..*'.repeat(30)}`);
  const cursors = ['e30', 'czAgMQ', 'AAAA', Buffer.from('s0 9e99-0').toString('base64url'), '%ff', '0'];
  const entries = '/v1/leaderboards/bad/entries';
  const paths: [expected: number, path: string, headers?: Record<string, string>][] = [
    [422, `${SAVE}?path=${bomb}`],
    [400, `${SAVE}?path=${encodeURIComponent('$[')}`],
    [400, `${SAVE}?path=${encodeURIComponent("$['")}`],
    [400, `${SAVE}?path=${encodeURIComponent(`$${'['.repeat(5_000)}`)}`],
    [400, `${SAVE}?path=${encodeURIComponent(`$[?${'('.repeat(2_000)}`)}`],
    [400, `${SAVE}?path=${encodeURIComponent(`$[?${'!'.repeat(3_000)}@.a]`)}`],
    [400, `${SAVE}?path=${encodeURIComponent('$[99999999999999999999]')}`],
    [400, `${SAVE}?path=${encodeURIComponent('$[?(@.constructor.constructor("x")())]')}`],
    [400, `${SAVE}?version=0`],
    [400, `${SAVE}?version=1e99`],
    [404, `${SAVE}?version=999999999999999`],
    ...cursors.map((cursor): [number, string] => [400, `${entries}?cursor=${cursor}`]),
    ...cursors.map((cursor): [number, string] => [400, `/v1/admin/players/ada/events?cursor=${cursor}`]),
    ...cursors.map((cursor): [number, string] => [400, `/v1/admin/dead-letters?cursor=${cursor}`]),
    [400, '/v1/leaderboards?cursor=%00'],
    [400, '/v1/leaderboards?cursor=%7Bs0%7D'],
    [400, `${entries}?aroundScore=1&offset=2`],
    [400, `${entries}?aroundScore=0x10&aroundScore=1`],
    [400, `${entries}?topPercent=0`],
    [400, `${entries}?topPercent=100.1`],
    [400, `${entries}?offset=9007199254740992`],
    [400, `${entries}?period=2026-02-30`],
    [400, `${entries}?period=2026-W54`],
    [400, `${entries}?period=%7Bs0%7D`],
    [400, `${entries}?period=current@1`],
    [404, `${entries}/nobody`],
    [404, '/v1/leaderboards/nothing'],
    [400, '/v1/leaderboards/bad/live?limit=101'],
    [400, '/v1/leaderboards/bad/live?period=never', { 'Last-Event-ID': 'x'.repeat(8_000) }],
    [400, `${entries}/me`],
    [400, '/v1/players/me/saves'],
    [400, `${entries}?limit=10%00`],
    [400, `${entries}?limit=%31%30%ff`],
    [400, `${entries}?limit=٣`],
    [400, `${entries}?ifApplied=s0-1-0&ifApplied=s0-2-0`],
  ];
  return paths.map(([expected, path, headers]) => ({
    ...{ method: 'GET', path: path.replace('٣', '%D9%A3'), what: 'the query or the path', expected },
    ...(headers && { headers }),
  }));
}

/** Paths and methods that do not exist. */
function elsewhere(): BadInput[] {
  const calls: [method: string, path: string, expected: number][] = [
    ['PUT', '/v1/players', 405],
    ['POST', '/v1/leaderboards/bad', 405],
    ['PATCH', '/v1/leaderboards/bad', 405],
    ['DELETE', '/v1/scores', 405],
    ['OPTIONS', '/v1/scores', 405],
    ['GET', '/v1/scores/import', 405],
    ['GET', '/v2/leaderboards', 404],
    ['GET', '/v1/leaderboards/', 404],
    ['GET', '/v1//leaderboards', 404],
    ['GET', '/V1/leaderboards', 404],
    ['GET', '/.env', 404],
    ['GET', '/keys.json', 404],
    ['GET', '/..%2f..%2fdata%2fkeys.json', 404],
    ['GET', '/docs/..%2f..%2fpackage.json', 404],
    ['GET', '/docs/%2e%2e/%2e%2e/package.json', 404],
    ['GET', '/docs/%00', 404],
    ['GET', '/__proto__', 404],
    ['GET', '/constructor', 404],
    ['GET', '/%', 400],
    ['GET', '/%c3%28', 400],
    ['GET', `/${'a/'.repeat(3_000)}`, 403],
    ['GET', `/v1/leaderboards/${'%61'.repeat(1_001)}`, 414],
    ['POST', '/healthz', 405],
    ['DELETE', '/metrics', 405],
    ['POST', '/docs', 405],
  ];
  return calls.map(([method, path, expected]) => ({ method, path, what: 'the place', expected }));
}
