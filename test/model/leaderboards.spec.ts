import fc from 'fast-check';
import { Topology } from '#libs/event-log';
import { createClient, type RedisClient } from '#libs/redis';
import { eventually } from '#libs/testing';
import type { Client } from '../e2e/support/client.js';
import { System } from '../e2e/support/system.js';
import { LANE_PARTITIONS, Lane } from './lane.js';
import { scenario } from './scenario.js';
import { ScenarioRun } from './scenario-run.js';

/** How many scenarios; MODEL_SEED repeats those of an earlier run, MODEL_PATH one of them. */
const RUNS = Number(process.env.MODEL_RUNS ?? 40);
const SEED = Number(process.env.MODEL_SEED ?? Date.now() % 2 ** 31);
const PATH = process.env.MODEL_PATH;

/** So many scenarios at the same time. */
const LANES = PATH === undefined ? 5 : 1;
/** Milliseconds in which a scenario that fails is made smaller. */
const SHRINKING = 60_000;

const PREFIX = 'model';
const PARTITIONS = { scores: LANE_PARTITIONS * LANES, players: 2 };

describe(`${RUNS} random scenarios (MODEL_SEED=${SEED})`, () => {
  let system: System;
  let redis: RedisClient;
  let server: Client;
  let admin: Client;
  let lanes: Lane[];
  /** Boards that there are in the end. */
  const boards: string[] = [];

  beforeAll(async () => {
    system = await System.start({
      KEY_PREFIX: PREFIX,
      SCORES_PARTITIONS: String(PARTITIONS.scores),
      PLAYERS_PARTITIONS: String(PARTITIONS.players),
      RATE_LIMIT: 'off',
      LOG_LEVEL: 'warn',
    });
    redis = createClient(system.redisUrl, PREFIX);
    await redis.connect();
    server = system.client;
    admin = system.admin;
    const topology = new Topology(PREFIX, PARTITIONS);
    lanes = Array.from({ length: LANES }, (_, i) => new Lane({ redis, topology, server, admin }, i));
  }, 60_000);
  afterAll(async () => {
    redis.disconnect();
    await system.close();
  }, 60_000);

  it('leave boards as a naive leaderboard has them', async () => {
    const failures = await Promise.all(
      lanes.map((lane, i) => failureOf(lane, SEED + i, Math.ceil(RUNS / LANES), boards)),
    );
    const found = failures.filter(failure => failure !== undefined);
    if (found.length > 0) throw new Error(found.join('\n\n'));
  }, 3_600_000);

  it('are on boards that are all listed, and no others', async () => {
    const listed: string[] = [];
    for (let query: string | undefined = ''; query !== undefined; ) {
      const { body } = await server.get(`/v1/leaderboards?limit=100${query}`);
      listed.push(...body.boards.map(({ board }: { board: string }) => board));
      query = body.next && `&cursor=${body.next}`;
    }
    expect(listed.filter(board => !board.startsWith('clock-'))).toEqual(boards.toSorted());
  }, 60_000);

  it('leave projections that are the fold of the log', async () => {
    const started = await admin.post('/v1/admin/rebuilds', { projection: 'ranking', diff: true });
    expect(started.status).toBe(202);
    await eventually(async () => {
      const { body } = await admin.get(started.headers.location ?? '');
      expect(body).toMatchObject({ state: 'done', differences: 0 });
    }, 60_000);
  }, 90_000);
});

/** What is wrong, and how to see it again. */
async function failureOf(
  lane: Lane,
  seed: number,
  numRuns: number,
  boards: string[],
): Promise<string | undefined> {
  let deadline = Number.POSITIVE_INFINITY;
  let last = '';
  const property = fc.asyncProperty(scenario, async plan => {
    // When the time is up, everything smaller counts as right.
    if (Date.now() > deadline) return;
    const run = new ScenarioRun(lane, plan);
    try {
      boards.push(...(await run.perform()));
    } catch (error) {
      deadline = Math.min(deadline, Date.now() + SHRINKING);
      last = `${run.transcript}\n${(error as Error).message}`;
      throw error;
    }
  });
  const path = PATH === undefined ? {} : { path: PATH };
  const { failed, counterexamplePath } = await fc.check(property, { seed, numRuns, ...path });
  return failed ? `MODEL_SEED=${seed} MODEL_PATH=${counterexamplePath}\n${last}` : undefined;
}
