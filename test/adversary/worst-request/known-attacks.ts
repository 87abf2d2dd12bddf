import type { Random } from '../../chaos/random.js';
import type { Attack, Role } from './attack.js';
import { hostileValues } from './hostile-text.js';
import { HEAVY_ATTRIBUTES, playerAt, type World, words } from './world.js';

const BODY_LENGTH = 250 * 1024;
const BOARDS = '/v1/leaderboards';
const NDJSON = { 'Content-Type': 'application/x-ndjson' };
const WAIT = { Prefer: 'wait=10' };

/** What is heavy by what is there already, and lists that are as long as they may be. */
export const heavyAttacks = (world: World): Attack[] => [...reads(world), ...scores()];

/** Documents, what is asked of them, and definitions: many of each, of which few are bad. */
export const manyAttacks = (world: World, random: Random): Attack[] => [
  ...definitions(random),
  ...paths(world),
  ...patches(world),
  ...saves(world),
];

const attack = (
  role: Role,
  route: string,
  path: string,
  what: string,
  given: Partial<Attack> = {},
): Attack => ({
  ...{ role, route, what, path, method: route.split(' ')[0] ?? 'GET' },
  ...given,
});

function reads({ guest }: World): Attack[] {
  const all = Array.from({ length: 1_000 }, (_, i) => playerAt(i));
  const lookup = (board: string, players: readonly string[], what: string) =>
    attack('nobody', `POST ${BOARDS}/{board}/lookup`, `${BOARDS}/${board}/lookup`, what, {
      body: JSON.stringify({ players }),
    });
  const get = (route: string, path: string, what: string, role: Role = 'nobody') =>
    attack(role, `GET ${route}`, path, what);
  const board = `${BOARDS}/{board}`;
  return [
    get(`${board}/entries`, `${BOARDS}/heavy/entries?limit=1000`, '1,000 entries of 12 KB'),
    get(
      `${board}/entries`,
      `${BOARDS}/even/entries?limit=1000&offset=500`,
      '1,000 equal entries on 4 shards',
    ),
    get(
      `${board}/entries`,
      `${BOARDS}/heavy/entries?limit=1000&aroundScore=1`,
      '1,000 equal entries around a score',
    ),
    get(`${board}/around/{player}`, `${BOARDS}/heavy/around/heavy500?radius=500`, '1,000 entries of 12 KB'),
    get(`${board}/around/{player}`, `${BOARDS}/even/around/heavy500?radius=500`, '1,000 entries on 4 shards'),
    get(`${board}/live`, `${BOARDS}/heavy/live?limit=100`, '100 entries of 12 KB'),
    get(BOARDS, `${BOARDS}?limit=1000`, '200 boards with filters of 8 KB'),
    get('/v1/players', '/v1/players?name=hero&limit=100', '100 profiles of 8 KB'),
    get(
      '/v1/players',
      `/v1/players?name=${encodeURIComponent('\ufdfa'.repeat(64))}`,
      'letters that unfold to 18',
    ),
    get('/v1/players/{player}/entries', '/v1/players/busy/entries', 'a player on 200 boards'),
    get('/v1/players/{player}/scores', '/v1/players/busy/scores', 'a player on 200 boards', 'server'),
    get('/api/playerstate', '/api/playerstate', 'documents of 250 KB'),
    get(
      '/api/playerstate/search',
      `/api/playerstate/search?name=${encodeURIComponent(words(64))}`,
      '64 words',
    ),
    get('/api/leaderboard/{key}', '/api/leaderboard/heavy?count=1000', '1,000 entries of 12 KB'),
    get(
      '/v1/admin/leaderboards/{board}/events',
      '/v1/admin/leaderboards/heavy/events?limit=1000',
      '12 MB',
      'admin',
    ),
    get(
      '/v1/admin/players/{player}/events',
      `/v1/admin/players/${guest.playerId}/events?limit=1000`,
      '5 MB',
      'admin',
    ),
    get('/v1/players/{player}/export', `/v1/players/${guest.playerId}/export`, 'saves of 5 MB', 'player'),
    get('/v1/players/{player}/saves', `/v1/players/${guest.playerId}/saves`, 'some saves', 'player'),
    ...['/openapi.json', '/openapi.yaml', '/docs', '/metrics', '/readyz', '/'].map(path =>
      get(path, path, 'nothing'),
    ),
    lookup('heavy', all, '1,000 players with 12 KB each'),
    lookup('even', all, '1,000 equal players on 4 shards'),
    lookup(
      'even',
      Array.from({ length: 1_000 }, (_, i) => `none${i}`),
      '1,000 players who are not there',
    ),
    lookup('heavy', Array(1_000).fill('heavy1'), 'one player 1,000 times'),
  ];
}

function scores(): Attack[] {
  const list = (what: string, item: (i: number) => object | string, count = 1_000) => {
    const items = Array.from({ length: count }, (_, i) => {
      const value = item(i);
      return typeof value === 'string' ? value : JSON.stringify(value);
    });
    return (['server', 'player'] as const).map(role =>
      attack(role, 'POST /v1/scores', '/v1/scores', what, {
        body: `{"scores":[${items.join()}]}`,
        headers: WAIT,
      }),
    );
  };
  const lines = (what: string, line: (i: number) => string, count: number) =>
    attack('server', 'POST /v1/scores/import', '/v1/scores/import', what, {
      body: Array.from({ length: count }, (_, i) => line(i)).join('\n'),
      headers: NDJSON,
    });
  const score = (i: number) => ({ board: 'listed', player: `p${i}`, score: i });
  const unknown = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, j) => [`x${j}`, 0]));
  const newScore = (i: number) =>
    `{${Array.from({ length: 20 }, (_, j) => `"${(i * 20 + j).toString(36)}":1`).join()}}`;
  const newNames = (count: number) =>
    Array.from({ length: count }, (_, i) => `"n${i.toString(36)}":{}`).join();
  return [
    attack('nobody', 'POST /v1/scores', '/v1/scores', '90,000 names', { body: `{${newNames(90_000)}}` }),
    ...list('5,000 scores of 20 names that no other has', newScore, 5_000),
    ...list('1,000 scores of as many players', score),
    ...list('1,000 scores of one player', () => ({ board: 'listed', player: 'p', score: 1 })),
    ...list('1,000 scores on as many boards', i => ({ board: `many${i}`, player: `p${i}`, score: i })),
    ...list('1,000 scores with keys', i => ({ ...score(i), idempotencyKey: `${i}`.padEnd(128, 'k') })),
    ...list('1,000 scores with attributes', i => ({
      ...score(i),
      attributes: { a: 'x'.repeat(256), b: '\u4e16'.repeat(200) },
    })),
    ...list('75 scores with 12 KB of attributes', i => ({ ...score(i), attributes: HEAVY_ATTRIBUTES }), 75),
    ...list('1,000 scores with 100 unknown fields', i => ({ ...score(i), ...unknown(100) })),
    ...list('1,000 scores with 500 attributes', i => ({ ...score(i), attributes: unknown(100) })),
    ...list('1,000 scores with long names', i => ({ ...score(i), ['x'.repeat(900)]: 1 })),
    ...list('1,000 scores that are lists', () => '[[[[]]]]'),
    ...list(
      '1,000 scores of many digits',
      i => `{"board":"listed","player":"p${i}","score":${'9'.repeat(900)}}`,
    ),
    lines('lines of 60 KB', i => JSON.stringify({ ...score(i), x: unknown(5_000) }), 60),
    lines('blank lines', () => '', 2_000_000),
    lines('short lines that are no JSON', () => 'x', 200_000),
    lines('scores', i => JSON.stringify(score(i)), 10_000),
    lines(
      'scores with 12 KB of attributes',
      i => JSON.stringify({ ...score(i), attributes: HEAVY_ATTRIBUTES }),
      400,
    ),
    lines('one line without an end', () => 'x'.repeat(4_000_000), 1),
    attack('player', `POST ${BOARDS}/{board}/scores`, `${BOARDS}/heavy/scores`, '12 KB of attributes', {
      body: JSON.stringify({ score: 1, attributes: HEAVY_ATTRIBUTES }),
      headers: WAIT,
    }),
  ];
}

function definitions(random: Random): Attack[] {
  const define = (what: string, definition: object) =>
    attack('admin', `PUT ${BOARDS}/{board}`, `${BOARDS}/tried`, what, { body: JSON.stringify(definition) });
  const crons = [
    '0 0 30 2 *',
    '0 0 31 2,4,6,9,11 *',
    '59 23 29 2 6',
    '* * 29 2 *',
    '0 0 29 2 1#5',
    '0 0 L 2 *',
    '0 0 31 11 *',
  ];
  const pieces = [
    '0',
    '59',
    '*',
    '*/7',
    '0-59/59',
    '1,2,3',
    '30',
    '31',
    '2',
    '29',
    'L',
    '5L',
    '1#5',
    '6#5',
    '7',
    'FEB',
    '?',
  ];
  for (let i = 0; i < 40; i++) crons.push(Array.from({ length: 5 }, () => random.pick(pieces)).join(' '));
  const long = Array.from({ length: 30 }, (_, i) => i).join();
  return [
    ...crons.map(reset => define(`the cron ${reset}`, { reset, timezone: 'America/Sao_Paulo' })),
    define('a long cron', { reset: `${long} 0 30 2 *` }),
    define('a long time zone', { reset: 'daily', timezone: 'A'.repeat(BODY_LENGTH) }),
    define('a time zone of slashes', { reset: 'daily', timezone: `A${'/A'.repeat(BODY_LENGTH / 2 - 100)}` }),
    define('a filter of 250 KB', {
      filter: Object.fromEntries(
        Array.from({ length: 16 }, (_, i) => [
          `a${i}`,
          Array.from({ length: 60 }, (_, j) => `${j}`.padEnd(250, 'x')),
        ]),
      ),
    }),
  ];
}

/** Paths that look at much, select much, or select nothing at great cost. */
const PATHS = [
  ...[
    '$..*',
    '$..a',
    '$.a[?@==1]',
    '$.a[?@==1e250000]',
    '$.a[?$.a==$.a]',
    '$.a[?$..b]',
    '$..[?@..a]',
    '$.a[?@<"b"]',
  ],
  `$.a[?${Array(90).fill('@.b').join('||')}]`,
  `$.a[?${Array(60).fill('!@.b').join('&&')}]`,
  `$.a[?${Array(70).fill('@==2').join('||')}]`,
  `$.a[?${Array(50).fill('$.a==2').join('||')}]`,
  `$..[${Array(200).fill('*').join()}]`,
  `$${'..a'.repeat(150)}`,
  `$${'[?@]'.repeat(100)}`,
  `$.a[${Array(120).fill('::-1').join()}]`,
];

function paths({ guest, slots }: World): Attack[] {
  return Object.entries(slots).flatMap(([slot, document]) =>
    PATHS.map(path =>
      attack(
        'player',
        'GET /v1/players/{player}/saves/{slot}',
        `/v1/players/${guest.playerId}/saves/${slot}?path=${encodeURIComponent(path)}`,
        `?path=${path} in ${document}`,
      ),
    ),
  );
}

function patches({ guest, slots }: World): Attack[] {
  const operations = [
    '{"op":"test","path":"/a","value":1e254999}',
    '{"op":"test","path":"/a","value":"\\u0041"}',
    '{"op":"move","from":"/a/0","path":"/a/-"}',
    '{"op":"add","path":"/a/0","value":1}',
    '{"op":"copy","from":"/a/0","path":"/a/0"}',
    '{"op":"copy","from":"/a","path":"/b"}',
    '{"op":"copy","from":"","path":"/b"}',
    '{"op":"replace","path":"/a","value":1}',
  ];
  const patch = (slot: string, what: string, type: string, body: string) =>
    attack(
      'player',
      'PATCH /v1/players/{player}/saves/{slot}',
      `/v1/players/${guest.playerId}/saves/${slot}`,
      what,
      { body, headers: { 'Content-Type': `application/${type}-patch+json` } },
    );
  const operated = Object.entries(slots).flatMap(([slot, document]) =>
    operations.map(operation =>
      // The last operation fails: the save stays as it is.
      patch(
        slot,
        `${operation} 999 times in ${document}`,
        'json',
        `[${`${operation},`.repeat(999)}{"op":"none"}]`,
      ),
    ),
  );
  const merged = hostileValues(BODY_LENGTH).map(({ what, text }) =>
    patch('s9', `a merge with ${what}`, 'merge', `{"x":{"y":null},"a":${text}}`),
  );
  return [...operated, ...merged];
}

function saves({ guest, slots }: World): Attack[] {
  const puts = hostileValues(BODY_LENGTH).map(({ what, text }) =>
    attack(
      'player',
      'PUT /v1/players/{player}/saves/{slot}',
      `/v1/players/${guest.playerId}/saves/tried`,
      what,
      {
        body: `{"a":${text}}`,
        headers: WAIT,
      },
    ),
  );
  const documents = hostileValues(BODY_LENGTH - 100).map(({ what, text }) =>
    attack('player', 'POST /api/playerstate', '/api/playerstate', what, {
      body: `{"playerData":{"id":"${guest.playerId}","name":${text}}}`,
    }),
  );
  const restores = Object.entries(slots).map(([slot, document]) =>
    attack(
      'player',
      'POST /v1/players/{player}/saves/{slot}/restore',
      `/v1/players/${guest.playerId}/saves/${slot}/restore`,
      document,
      { body: '{"version":1}', headers: WAIT },
    ),
  );
  const profiles = hostileValues(8_000).map(({ what, text }) =>
    attack('player', 'PATCH /v1/players/{player}', `/v1/players/${guest.playerId}`, what, {
      body: `{"x":${text}}`,
    }),
  );
  return [...puts, ...documents, ...restores, ...profiles];
}
