import { Gateway } from './support/gateway.js';
import { SharedSystem } from './support/system.js';

const WAIT = { Prefer: 'wait=5' };
const NDJSON = { 'Content-Type': 'application/x-ndjson' };

describe('writing scores', () => {
  const system = new SharedSystem();
  const { client: server, admin } = system;
  afterAll(() => system.close());

  const submit = (board: string, player: string, score: number, headers: Record<string, string> = WAIT) =>
    server.post(`/v1/leaderboards/${board}/scores`, { player, score }, headers);
  const define = (board: string, definition: object) =>
    admin.put(`/v1/leaderboards/${board}`, definition, WAIT);

  it('answers a definition with all of its fields', async () => {
    expect(await define('defined', { order: 'asc', min: 1, max: 9 })).toMatchObject({
      status: 200,
      body: {
        ...{ eventId: expect.any(String), status: 'applied', board: 'defined', order: 'asc' },
        ...{ operator: 'best', tieBreak: 'first', ranking: 'standard', submit: 'players', min: 1, max: 9 },
      },
    });
    // The other files do not use this gateway, so they do not change what it counts.
    const gateway = await Gateway.start(system, { SERVER_KEYS: system.keys.server });
    const own = system.connect(system.keys.server, gateway.port);
    const score = { player: 'ada', score: 10 };
    expect(await own.post('/v1/leaderboards/defined/scores', score, WAIT)).toMatchObject({
      status: 422,
      body: { type: 'urn:questlog:score-out-of-range', detail: expect.stringContaining('9') },
    });
    expect((await own.get('/metrics')).text).toMatch(
      /questlog_scores_refused_total\{reason="score-out-of-range",app="gateway"\} 1/,
    );
    await gateway.stop();
  });

  it('says the rank that the player had before', async () => {
    const first = await submit('climb', 'ada', 10);
    expect(first.body).toMatchObject({ rank: 1 });
    expect(first.body).not.toHaveProperty('previousRank');
    await submit('climb', 'bob', 20);
    expect((await submit('climb', 'ada', 30)).body).toMatchObject({
      ...{ previousRank: 2, rank: 1, score: 30, improved: true },
    });
  });

  it('takes a thousand scores in one request, and waits for all of them', async () => {
    const scores = Array.from({ length: 1_000 }, (_, i) => ({
      board: `bulk-${i % 5}`,
      player: `player-${i}`,
      score: i,
      attributes: { region: 'eu', build: 'x'.repeat(200) },
    }));
    const { status, body } = await server.post('/v1/scores', { scores: [...scores.slice(1), {}] }, WAIT);
    expect(status).toBe(200);
    expect(body.results).toHaveLength(1_000);
    expect(body.results[0]).toEqual({ eventId: expect.any(String), status: 'applied' });
    expect(body.results[999]).toMatchObject({ status: 400, errors: [{ path: 'scores[999].board' }, {}] });
    const top = await server.get('/v1/leaderboards/bulk-4/entries?limit=1');
    expect(top.body).toMatchObject({ total: 200 });
  });

  it('imports a file of scores, once', async () => {
    const lines = Array.from({ length: 20_000 }, (_, i) =>
      JSON.stringify({ board: `file-${i % 3}`, player: `p${i % 500}`, score: i, idempotencyKey: `k${i}` }),
    );
    lines[9_999] = 'no score';
    const load = () => server.post('/v1/scores/import', `${lines.join('\r\n')}\r\n`, NDJSON);
    const errors = [expect.objectContaining({ line: 10_000, status: 400 })];
    expect(await load()).toMatchObject({
      status: 200,
      body: { accepted: 19_999, replayed: 0, rejected: 1, errors },
    });
    expect((await load()).body).toMatchObject({ accepted: 0, replayed: 19_999, rejected: 1 });
  }, 30_000);

  it('is documented', async () => {
    const { body } = await server.get('/openapi.json');
    expect(Object.keys(body.paths['/v1/leaderboards/{board}']).sort()).toEqual(['delete', 'get', 'put']);
    expect(body.paths['/v1/scores'].post.requestBody.content).toHaveProperty(['application/json']);
    expect(body.paths['/v1/scores/import'].post.requestBody.content).toHaveProperty(['application/x-ndjson']);
    expect(Object.keys(body.components.schemas.DefinitionFields.properties)).toHaveLength(15);
  });
});
