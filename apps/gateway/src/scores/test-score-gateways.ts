import { Readable } from 'node:stream';
import { jest } from '@jest/globals';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { register } from 'prom-client';
import { unpackEvent } from '#libs/events';
import { openTestLog, type TestLog } from '#libs/testing';
import { openTestGateway } from '../test-gateway.js';

const ADMIN = 'an-admin-key-of-20-characters';
export const SERVER_KEY = 'a-server-key-of-20-characters';

/** A log with two gateways, for all tests of a file. */
export function useScoreGateways() {
  let test: TestLog;
  let app: NestFastifyApplication;
  /** Another gateway on the same log. */
  let other: NestFastifyApplication;

  const open = () => {
    // Script calls are counted here, and those of the limits are not meant.
    return openTestGateway(test, { ADMIN_KEYS: ADMIN, SERVER_KEYS: SERVER_KEY, RATE_LIMIT: 'off' });
  };
  beforeAll(async () => {
    test = await openTestLog({ scores: 4, players: 1 });
    app = await open();
    other = await open();
  });
  afterEach(() => jest.restoreAllMocks());
  afterAll(async () => {
    await app.close();
    await other.close();
    await test.close();
  });

  const send = async (
    method: 'PUT' | 'POST' | 'DELETE',
    url: string,
    payload?: object | string | Readable,
    headers: Record<string, string> = {},
    gateway = app,
  ) => {
    const key = method === 'POST' ? SERVER_KEY : ADMIN;
    const answer = await gateway.inject({
      method,
      url,
      headers: { authorization: `Bearer ${key}`, ...headers },
      ...(payload !== undefined && { payload }),
    });
    return { status: answer.statusCode, headers: answer.headers, body: answer.json() };
  };
  const define = (board: string, definition: object, headers = {}, gateway = app) =>
    send('PUT', `/v1/leaderboards/${board}`, definition, headers, gateway);
  const submit = (board: string, player: string, score: number, headers = {}, gateway = app) =>
    send('POST', `/v1/leaderboards/${board}/scores`, { player, score }, headers, gateway);
  /** The scores of a board as the log has them. */
  const scoresOf = async (board: string) => {
    const entries = await test.redis.xrange(test.topology.of('scores', board).stream, '-', '+');
    return entries
      .map(([id, fields]) => unpackEvent(id, fields))
      .flatMap(({ type, data }) =>
        type === 'ScoreSubmitted' && (data as { board: string }).board === board
          ? [(data as { score: number }).score]
          : [],
      );
  };
  const refused = async (reason: string) => {
    const metric = await register.getSingleMetric('questlog_scores_refused_total')?.get();
    return metric?.values.find(({ labels }) => labels.reason === reason)?.value ?? 0;
  };

  return {
    get test() {
      return test;
    },
    get app() {
      return app;
    },
    get other() {
      return other;
    },
    send,
    define,
    submit,
    scoresOf,
    refused,
    open,
  };
}
