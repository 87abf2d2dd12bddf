import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

/*
 * Makes a data folder with every kind of event by running a built checkout of an older version, and records what that
 * version answered. Run it once for each version whose folders have to open for ever:
 *
 *   git worktree add ../old 3b2b864 && (cd ../old && npm ci && npm run build)
 *   node test/e2e/old-data/make.mjs --checkout ../old --name 3b2b864
 *
 * Writes <name>.tar.gz beside this file: `data` is the data folder, `answers.json` what that version answered from it.
 * Needs redis-cli and tar.
 */

const { values } = parseArgs({
  options: {
    checkout: { type: 'string' },
    name: { type: 'string' },
    scores: { type: 'string', default: '2400' },
    port: { type: 'string', default: '31900' },
  },
});
const checkout = resolve(values.checkout);
const here = import.meta.dirname;
const folder = mkdtempSync(join(tmpdir(), 'questlog-old-data-'));
const base = `http://127.0.0.1:${values.port}`;
const node = join(checkout, 'node_modules/.bin/node');
const environment = {
  PATH: process.env.PATH,
  DATA_DIR: folder,
  PORT: values.port,
  RATE_LIMIT: 'off',
  LOG_LEVEL: 'warn',
};

/** The same numbers each time (mulberry32). */
let state = 20261130;
function random() {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}
const below = n => Math.floor(random() * n);
const pick = list => list[below(list.length)];

function start() {
  const child = spawn(node, ['dist/scripts/start.js'], {
    cwd: checkout,
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  process.on('exit', () => child.kill('SIGTERM'));
  return new Promise((ready, fail) => {
    let output = '';
    child.on('exit', status => fail(new Error(`it ended with status ${status}:\n${output}`)));
    child.stdout.on('data', chunk => {
      output += chunk;
      const [, port] = /embedded \S+, port (\d+)/.exec(output) ?? [];
      if (port && output.includes('Ctrl-C')) ready({ child, redisPort: port });
    });
  });
}

const keys = () => JSON.parse(readFileSync(join(folder, 'keys.json'), 'utf8'));

async function call(
  method,
  path,
  { key = keys().server, body, type = 'application/json', headers = {} } = {},
) {
  const answer = await fetch(base + path, {
    method,
    headers: {
      ...(key && { Authorization: `Bearer ${key}` }),
      ...(body !== undefined && { 'Content-Type': type }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await answer.text();
  return {
    status: answer.status,
    headers: answer.headers,
    body: /json/.test(answer.headers.get('content-type') ?? '') && text ? JSON.parse(text) : text,
  };
}

/** A write that has to be applied. */
async function write(method, path, options = {}) {
  const answer = await call(method, path, { ...options, headers: { Prefer: 'wait=10', ...options.headers } });
  if (answer.status >= 300)
    throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer;
}
const admin = options => ({ key: keys().admin, ...options });
const define = (board, body) => write('PUT', `/v1/leaderboards/${board}`, admin({ body }));

const BOARDS = {
  open: undefined,
  best: { operator: 'best' },
  golf: { order: 'asc', tieBreak: 'last' },
  sum: { operator: 'sum', ranking: 'dense' },
  latest: { operator: 'latest', ranking: 'ordinal', tieBreak: 'none', maxEntries: 20 },
  daily: { reset: 'daily', timezone: 'America/Sao_Paulo', keepPeriods: 1000 },
  cron: { reset: '0 18 * * *', operator: 'sum', min: -1000, max: 1e6, keepPeriods: 1000 },
  sharded: { shards: 3 },
  replaced: { operator: 'sum' },
};
const DERIVED = {
  'best-eu': { source: 'best', filter: { region: 'eu' }, operator: 'sum' },
  'sharded-week': { source: 'sharded', reset: 'weekly', keepPeriods: 1000 },
};
const PLAYERS = Array.from({ length: 60 }, (_, n) => `player-${String(n).padStart(2, '0')}`);

function score(board) {
  const value =
    board === 'cron'
      ? below(1_000) - 500
      : pick([below(50), below(1_000_000), random() * 1_000, -below(100)]);
  return {
    board,
    player: pick(PLAYERS),
    score: value,
    ...(below(2) && { attributes: { region: pick(['eu', 'us']), level: below(9), hard: below(2) === 1 } }),
  };
}

async function play(count) {
  const boards = Object.keys(BOARDS);
  for (let left = count; left > 0; left -= 100)
    await write('POST', '/v1/scores', {
      body: { scores: Array.from({ length: 100 }, () => score(pick(boards))) },
    });
  const lines = Array.from({ length: 100 }, () => JSON.stringify(score(pick(boards)))).join('\n');
  await write('POST', '/v1/scores/import', { body: lines, type: 'application/x-ndjson' });
  await write('POST', '/v1/leaderboards/open/scores', {
    body: { player: 'player-00', score: 7 },
    headers: {
      'Idempotency-Key': `key-${count}`,
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    },
  });
}

async function save(players) {
  for (const player of players) {
    const path = `/v1/players/${player}/saves`;
    await write('PUT', `${path}/auto`, {
      body: `{"level": ${below(99)}, "gold": 9007199254740993, "name": "Zoë 🎲", "deep": {"list": [1, 2.50, null]}}`,
    });
    await write('PATCH', `${path}/auto`, {
      body: { level: below(99), deep: { list: null } },
      type: 'application/merge-patch+json',
    });
    await write('PATCH', `${path}/auto`, {
      body: [{ op: 'add', path: '/items', value: ['sword'] }],
      type: 'application/json-patch+json',
    });
    await write('PUT', `${path}/manual`, { body: { n: 1 } });
    if (below(2)) await write('DELETE', `${path}/manual`);
    if (below(2)) await write('POST', `${path}/auto/restore`, { body: { version: 1 } });
    await write('PATCH', `/v1/players/${player}`, {
      body: { name: `Name ${player}`, country: pick(['DE', 'BR']), motto: 'per aspera' },
    });
  }
}

async function moderate() {
  await write('DELETE', '/v1/leaderboards/best/entries/player-01', admin());
  await write('DELETE', '/v1/leaderboards/sharded/entries/player-02', admin());
  for (const player of ['player-03', 'player-04']) await write('PUT', `/v1/players/${player}/ban`, admin());
  await write('DELETE', '/v1/players/player-04/ban', admin());
  await write('DELETE', '/v1/players/player-05', admin());
  await define('replaced', { operator: 'best', order: 'asc' });
  await define('removed', {});
  await write('POST', '/v1/leaderboards/removed/scores', { body: { player: 'player-06', score: 1 } });
  await write('DELETE', '/v1/leaderboards/removed', admin());
}

/** A player of the tutorial's game: documents and a board of its own kind. */
async function playCacheQuest() {
  const session = await fetch(`${base}/session`);
  const cookie = session.headers.get('set-cookie').split(';')[0];
  const { id } = await session.json();
  const quest = (path, body) => write('POST', path, { key: null, body, headers: { Cookie: cookie } });
  await quest('/api/playerstate/', { playerData: { id, name: 'Ann-Sophie the. Brave', gems: 3 } });
  await quest('/api/gamestate/', { gameData: { id, map: { name: 'Grassland' } } });
  await quest('/api/leaderboard/', {
    key: 'leaderboards:survivor-Grassland',
    score: 1234,
    member: `Ann-Sophie the. Brave-${id}`,
  });
  return id;
}

async function makeGuests() {
  const guests = [];
  for (let n = 0; n < 3; n++) {
    const { body } = await write('POST', '/v1/sessions', { key: null, body: {} });
    await write('PUT', '/v1/players/me/saves/auto', { key: body.token, body: { guest: n } });
    await write('POST', '/v1/leaderboards/best/scores', { key: body.token, body: { score: 100 + n } });
    guests.push({ playerId: body.playerId, secret: body.secret });
  }
  return guests;
}

/** Entries that no version can decode: they are dead letters. */
function plantPoison(redisPort) {
  const cli = (...args) => execFileSync('redis-cli', ['-p', redisPort, ...args]).toString();
  const streams = cli('--raw', 'KEYS', 'ql:*:log').split('\n').filter(Boolean);
  for (const stream of streams.slice(0, 2)) cli('XADD', stream, '*', 'e', '["zz9",1,2');
  return cli;
}

async function settled() {
  for (let left = 100; left > 0; left--) {
    const { body } = await call('GET', '/v1/admin/streams', admin());
    const groups = JSON.stringify(body).match(/"pending":[1-9]/);
    if (!groups) return;
    await new Promise(done => setTimeout(done, 100));
  }
}

/** What has to be answered alike by every later version. */
function pathsToRecord(cacheQuestId, periods) {
  const boards = [...Object.keys(BOARDS), ...Object.keys(DERIVED)];
  return [
    ...boards.flatMap(board => [
      `/v1/leaderboards/${board}`,
      ...(periods[board] ?? ['']).map(
        period =>
          `/v1/leaderboards/${board}/entries?limit=100${period && `&period=${encodeURIComponent(period)}`}`,
      ),
    ]),
    '/v1/leaderboards/best/around/player-10?radius=3',
    '/v1/leaderboards/sharded/entries/player-11',
    '/v1/players/player-05/scores',
    ...PLAYERS.slice(6, 26).flatMap(player => [
      `/v1/players/${player}/scores`,
      `/v1/players/${player}/entries`,
    ]),
    ...PLAYERS.slice(0, 12).flatMap(player => [
      `/v1/players/${player}/saves`,
      `/v1/players/${player}/saves/auto`,
      `/v1/players/${player}/saves/auto/history`,
      `/v1/players/${player}/saves/auto?version=2`,
      `/v1/admin/players/${player}/events?limit=100`,
    ]),
    '/v1/players/player-00',
    '/v1/players?name=name',
    '/v1/admin/leaderboards/best/events?limit=200',
    '/v1/admin/leaderboards/removed/events',
    `/api/playerstate/${cacheQuestId}`,
    '/api/playerstate/search?name=brave',
    `/api/gamestate/${cacheQuestId}`,
    '/api/leaderboard/leaderboards:survivor-Grassland?count=10',
  ];
}

const { child, redisPort } = await start();
for (const [board, rules] of Object.entries(BOARDS)) if (rules) await define(board, rules);
await play(Number(values.scores) / 2);
for (const [board, rules] of Object.entries(DERIVED)) await define(board, rules);
await save(PLAYERS.slice(0, 12));
await moderate();
const guests = await makeGuests();
const cacheQuestId = await playCacheQuest();
const moved = spawnSync(node, ['dist/scripts/repartition.js', '--scores', '4', '--players', '3', '--yes'], {
  cwd: checkout,
  env: { ...environment, REDIS_URL: `redis://127.0.0.1:${redisPort}` },
  stdio: 'inherit',
});
if (moved.status !== 0) throw new Error('the repartition failed');
await play(Number(values.scores) / 2);
await save(PLAYERS.slice(6, 12));
await write('DELETE', '/v1/leaderboards/best/entries/player-07', admin());
await write('DELETE', '/v1/players/player-08', admin());
const cli = plantPoison(redisPort);
await settled();

const periods = {};
for (const board of ['daily', 'cron', 'sharded-week']) {
  const { body } = await call('GET', `/v1/leaderboards/${board}/entries?limit=1`);
  periods[board] = [body.period];
}
const answers = {};
for (const path of pathsToRecord(cacheQuestId, periods)) {
  const { status, body } = await call('GET', path, path.startsWith('/api') ? { key: null } : admin());
  answers[path] = { status, body };
}
const { body: letters } = await call('GET', '/v1/admin/dead-letters', admin());
cli('BGREWRITEAOF');
while (/aof_rewrite_in_progress:1/.test(cli('INFO', 'persistence')))
  await new Promise(done => setTimeout(done, 100));
child.removeAllListeners('exit');
const ended = new Promise(done => child.once('exit', done));
child.kill('SIGTERM');
await ended;

for (const file of ['redis/redis.log', 'redis/redis.conf']) rmSync(join(folder, file), { force: true });
const staged = mkdtempSync(join(tmpdir(), 'questlog-old-data-'));
cpSync(folder, join(staged, 'data'), { recursive: true });
const deadLetters = letters.deadLetters.map(({ id, group, code, entry }) => ({ id, group, code, entry }));
writeFileSync(join(staged, 'answers.json'), JSON.stringify({ guests, deadLetters, answers }));
execFileSync('tar', ['-C', staged, '-czf', join(here, `${values.name}.tar.gz`), 'data', 'answers.json']);
for (const path of [folder, staged]) rmSync(path, { recursive: true });
