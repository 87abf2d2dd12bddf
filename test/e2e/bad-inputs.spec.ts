import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { createClient, type RedisClient } from '#libs/redis';
import { eventually } from '#libs/testing';
import { type ApiDocument, type BadInput, badInputsOf } from './support/bad-input.js';
import { type Answer, Client, inParallel } from './support/client.js';
import { rawInputs } from './support/raw-input.js';
import { System } from './support/system.js';
import { badScores, writtenInputs } from './support/written-inputs.js';

/** The file for a Markdown table of all requests; none if unset. */
const TABLE = process.env.BAD_INPUTS_TABLE;
/** Each request must be answered in this time. */
const WITHIN_MS = 2_000;
/** The default messages of class-validator. */
const DEFAULT_TEXT =
  /must not be (less|greater) than|\w must be a string|must be an integer number|should not exist|conforming to|must be shorter than|must match|one of the following|must be a positive number|must be a boolean value|should not be empty|elements/;
const STACK = /\n\s+at |node_modules|\.[jt]s:\d+/;

interface Row {
  readonly method: string;
  readonly path: string;
  readonly what: string;
  readonly expected: number;
  readonly status: number;
  /** Other faults of the response. */
  readonly faults: readonly string[];
}

describe('bad input', () => {
  let system: System;
  let redis: RedisClient;
  let admin: Client;
  const rows: Row[] = [];

  beforeAll(async () => {
    system = await System.start({ RATE_LIMIT: 'off' });
    redis = createClient(system.redisUrl, 'bad-inputs');
    await redis.connect();
    admin = system.admin;
    const wait = { Prefer: 'wait=5' };
    await admin.post('/v1/leaderboards/bad/scores', { player: 'ada', score: 1 }, wait);
    await admin.put('/v1/players/ada/saves/auto', { hp: 1, list: [1, 2], deep: nested(30) }, wait);
    await admin.send('PATCH', '/v1/players/ada', { name: 'Ada' }, wait);
  }, 60_000);
  afterAll(async () => {
    if (TABLE) writeFileSync(TABLE, markdown(rows));
    redis.disconnect();
    await system.close();
  }, 60_000);

  /** Everything that a request could change: the log, the data beside it, and the projections. */
  const data = async (): Promise<Record<string, string>> => {
    await eventually(async () => {
      const { body } = await admin.get('/v1/admin/streams');
      for (const { groups } of body.streams)
        for (const { lag, pending } of groups) expect({ lag, pending }).toEqual({ lag: 0, pending: 0 });
    });
    const found: Record<string, string> = {};
    for (const key of (await redis.keys('*')).sort()) {
      // Not what changes anyway: sessions in use, counted logins, and the heartbeats and observations of processes.
      if (/session|failed-logins|:job-lease:|:workers:|:ledger$/.test(key)) continue;
      const isStream = (await redis.type(key)) === 'stream';
      const content = isStream ? Buffer.from(String(await redis.xlen(key))) : await redis.dumpBuffer(key);
      found[key] = createHash('sha1')
        .update(content ?? '')
        .digest('hex');
    }
    return found;
  };

  const run = async (inputs: readonly BadInput[], client: Client): Promise<Row[]> => {
    const done: Row[] = [];
    await inParallel(inputs.length, 8, async index => {
      const input = inputs[index] as BadInput;
      const began = performance.now();
      const answer = await send(client, input).catch((error: Error) => error);
      const row = judged(input, answer, performance.now() - began);
      rows.push(row);
      done.push(row);
    });
    return done;
  };
  const expectRefused = (done: readonly Row[], least: number) => {
    const wrong = done.filter(({ status, expected, faults }) => status !== expected || faults.length > 0);
    expect(wrong).toEqual([]);
    expect(done.length).toBeGreaterThanOrEqual(least);
  };
  const expectNoEffect = async (act: () => Promise<void>) => {
    const before = await data();
    await act();
    expect(await data()).toEqual(before);
  };

  it(
    'derived from the OpenAPI document is refused, and has no effect',
    () =>
      expectNoEffect(async () => {
        const document = (await admin.get('/openapi.json')).body as ApiDocument;
        expectRefused(await run(badInputsOf(document), admin), 300);
      }),
    60_000,
  );

  it(
    'written by hand is refused, and has no effect',
    () =>
      expectNoEffect(async () => {
        expectRefused(await run(writtenInputs(), admin), 100);
      }),
    30_000,
  );

  it('in a list or an import of scores fails alone, and has no effect', () =>
    expectNoEffect(async () => {
      const items = badScores();
      // A body that contains this is refused completely.
      const listed = items.filter(item => !item.includes('_proto__'));
      const { status, body } = await admin.post('/v1/scores', `{"scores":[${listed}]}`);
      expect(status).toBe(202);
      for (const result of body.results) expect([400, 422]).toContain(result.status);
      expect(body.results).toHaveLength(listed.length);
      const lines = [
        ...items,
        'nonsense',
        '\u0000',
        '[]',
        '['.repeat(60_000),
        '}{',
        `"${'x'.repeat(65_536)}"`,
      ];
      const type = { 'Content-Type': 'application/x-ndjson' };
      const imported = await admin.post('/v1/scores/import', lines.join('\r\n'), type);
      expect(imported).toMatchObject({ status: 200, body: { accepted: 0, rejected: lines.length } });
    }));

  it("with missing, ended, or other players' credentials is refused, and has no effect", async () => {
    const open = async () =>
      (await admin.post('/v1/sessions', {})).body as { token: string; playerId: string };
    const [own, ended, expired] = [await open(), await open(), await open()];
    const hash = createHash('sha256').update(expired.token).digest('base64url');
    expect(await redis.pexpire(`ql:session:${hash}`, 1)).toBe(1);
    await eventually(async () => expect(await redis.exists(`ql:session:${hash}`)).toBe(0));
    const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });
    expect((await admin.send('DELETE', '/v1/sessions/current', undefined, bearer(ended.token))).status).toBe(
      204,
    );
    const nobody = new Client(system.port);
    await expectNoEffect(async () => {
      expectRefused(await run(strangers(own, [ended.token, expired.token]), nobody), 60);
    });
    nobody.close();
  }, 30_000);

  it(
    'that is malformed HTTP is refused, and has no effect',
    () =>
      expectNoEffect(async () => {
        const done: Row[] = [];
        for (const { what, bytes, expected } of rawInputs(system.keys.admin)) {
          const began = performance.now();
          const answer = await sendRaw(system.port, bytes).catch((error: Error) => error);
          const [line = ''] = what.split('\n');
          const input = { method: '(raw)', path: '', what: line, expected };
          done.push(judged(input, answer, performance.now() - began));
        }
        rows.push(...done);
        expectRefused(done, 20);
      }),
    60_000,
  );

  it('was sent at least 300 times', () => {
    expect(new Set(rows.map(({ method, path, what }) => `${method} ${path} ${what}`)).size).toBeGreaterThan(
      300,
    );
  });

  it('leaves the gateway as it was', async () => {
    expect((await admin.get('/readyz')).status).toBe(200);
    const [, said] = system.output.split('Questlog is up');
    expect(said).not.toMatch(/ERROR|ended unexpectedly/);
    expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
  });
});

/** A document in which a path of many steps has many matches. */
const nested = (levels: number): object => (levels === 0 ? {} : { a: nested(levels - 1) });

/** Rejects if the request gets no answer in time. */
function send(client: Client, { method, path, body, headers }: BadInput): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('no answer')), WITHIN_MS + 1_000);
    client
      .send(method, path, body, headers)
      .then(resolve, reject)
      .finally(() => clearTimeout(late));
  });
}

function judged(
  { method, path, what, expected, says = [] }: Omit<BadInput, 'body' | 'headers'>,
  answer: Answer | Error,
  took: number,
): Row {
  if (answer instanceof Error) return { method, path, what, expected, status: 0, faults: [answer.message] };
  const { status, headers, text, body } = answer;
  const faults = [];
  if (took > WITHIN_MS) faults.push(`took ${Math.round(took)} ms`);
  if (STACK.test(text)) faults.push(`shows a stack: ${text}`);
  if (!headers['content-type']?.startsWith('application/problem+json') && method !== 'HEAD')
    faults.push(`is no problem: ${headers['content-type']} ${text.slice(0, 200)}`);
  else if (body?.status !== status || !body.type || !body.title || !body.detail)
    faults.push(`is no problem in form: ${text.slice(0, 200)}`);
  if (headers['x-evil'] !== undefined) faults.push('has a header that the client wrote');
  if (DEFAULT_TEXT.test(text)) faults.push(`has words of a library: ${text.slice(0, 300)}`);
  const said = `${body?.detail} ${JSON.stringify(body?.errors?.map((error: { message: string }) => error.message))}`;
  const unsaid = status === expected ? says.filter(words => !said.includes(words)) : [];
  if (unsaid.length > 0) faults.push(`does not say ${unsaid.join(' and ')}: ${text.slice(0, 600)}`);
  if (status !== expected) faults.push(text.slice(0, 200));
  return { method, path, what, expected, status, faults };
}

/** Ended sessions, sessions of other players, and values that are no session. */
function strangers(own: { token: string; playerId: string }, gone: readonly string[]): BadInput[] {
  const calls: [method: string, path: string, body?: string][] = [
    ['GET', '/v1/players/ada/saves'],
    ['GET', '/v1/players/ada/saves/auto'],
    ['PUT', '/v1/players/ada/saves/auto', '{"hp":99}'],
    ['DELETE', '/v1/players/ada/saves/auto'],
    ['GET', '/v1/players/ada/saves/auto/history'],
    ['POST', '/v1/players/ada/saves/auto/restore', '{"version":1}'],
    ['PATCH', '/v1/players/ada', '{"name":"Eve"}'],
    ['GET', '/v1/players/ada/scores'],
    ['POST', '/v1/leaderboards/bad/scores', '{"score":99,"player":"ada"}'],
    ['DELETE', '/v1/leaderboards/bad/entries/ada'],
    ['PUT', '/v1/players/ada/ban'],
    ['DELETE', '/v1/leaderboards/bad'],
    ['GET', '/v1/admin/streams'],
    ['POST', '/v1/admin/rebuilds', '{"projection":"ranking"}'],
  ];
  const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });
  const cookie = (token: string) => ({ Cookie: `questlog_session=${token}` });
  const turned = `${own.token.slice(0, -1)}${own.token.endsWith('A') ? 'B' : 'A'}`;
  const callers: [what: string, expected: number, headers: Record<string, string>][] = [
    ["another player's session", 403, bearer(own.token)],
    ["another player's session in a cookie", 403, cookie(own.token)],
    ['a session that was ended', 401, bearer(gone[0] ?? '')],
    ['a session that has expired', 401, bearer(gone[1] ?? '')],
    ['an expired session in a cookie', 401, cookie(gone[1] ?? '')],
    ['a token of which a letter is another', 401, bearer(turned)],
    ['the id of a player as token', 401, bearer(own.playerId)],
    ['a cookie that is garbage', 401, { Cookie: '=;;; questlog_session; questlog_session==%00;a' }],
    ['a cookie of 8,000 characters', 401, cookie('x'.repeat(8_000))],
    ['a wildcard for a token', 401, bearer('*')],
    ['two tokens', 401, bearer(`${own.token} ${own.token}`)],
    ['a session and another in the cookie', 401, { ...bearer('nobody'), ...cookie(own.token) }],
  ];
  return calls.flatMap(([method, path, body]) =>
    callers.map(([what, expected, headers]) => ({
      ...{ method, path, what, expected },
      ...(body !== undefined && { body }),
      headers: { ...headers, ...(body !== undefined && { 'Content-Type': 'application/json' }) },
    })),
  );
}

/** Writes raw bytes to a connection. @returns the first response */
function sendRaw(port: number, bytes: string | Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    const finish = () => {
      socket.destroy();
      const answer = parseAnswer(text);
      if (answer) resolve(answer);
      else reject(new Error(`the connection ended with ${JSON.stringify(text)}`));
    };
    socket.setTimeout(WITHIN_MS + 1_000, finish);
    socket.on('data', chunk => {
      text += chunk;
      if (parseAnswer(text)) finish();
    });
    socket.on('error', () => finish());
    socket.on('close', finish);
  });
}

function parseAnswer(text: string): Answer | undefined {
  const [, status, head = '', rest = ''] = /^HTTP\/1\.1 (\d+)[^\r]*\r\n(.*?)\r\n\r\n(.*)$/s.exec(text) ?? [];
  if (!status || status === '100') return undefined;
  const headers = Object.fromEntries(
    head.split('\r\n').map(line => [line.split(':')[0]?.toLowerCase(), line.replace(/^[^:]*:\s*/, '')]),
  );
  const length = Number(headers['content-length'] ?? 0);
  if (Buffer.byteLength(rest) < length) return undefined;
  const body = rest.slice(0, length);
  const json = /json/.test(headers['content-type'] ?? '') && body !== '';
  return { status: Number(status), headers, text: body, body: json ? JSON.parse(body) : undefined };
}

function markdown(table: readonly Row[]): string {
  const cell = (text: string) => text.replaceAll('|', '\\|').replace(/\p{C}/gu, '·').slice(0, 120);
  const lines = table.map(
    ({ method, path, what, status }) => `| ${method} | ${cell(path)} | ${cell(what)} | ${status} |`,
  );
  return ['| method | path | what was bad | status |', '| --- | --- | --- | --- |', ...lines, ''].join('\n');
}
