import { ChildProgram } from '../child-program.js';
import type { Comparison, Figures, Size, Target } from '../comparison.js';
import { Installation } from '../installation.js';
import { load, type Request } from '../load.js';
import { appendScores, random, type TimedScore } from '../score-log.js';

const BOARD = 'arena';
const FIRST_SCORE_AT_MS = Date.parse('2026-01-05T00:00:00Z');
const ENTRIES: Record<Size, number> = { full: 100_000, short: 10_000 };
const SECONDS: Record<Size, number> = { full: 5, short: 2 };
/** Number of players that are requested in turn. */
const SAMPLED_PLAYERS = 512;
/** Members per ZADD. */
const BATCH_MEMBERS = 1_000;

const path = `/v1/leaderboards/${BOARD}`;

/** The requests to measure: from the name to the path for a player. */
const READS: Readonly<Record<string, (player: string) => string>> = {
  'top 10': () => `${path}/entries?limit=10`,
  rank: player => `${path}/entries/${player}`,
  around: player => `${path}/around/${player}?radius=5`,
};

/** Reads of a board without credentials. */
export const reads: Comparison = {
  name: 'reads',
  title: 'reading a board of 100,000 entries, 64 connections',
  targets: Object.keys(READS).map(
    (read): Target => ({
      what: `${read}, against bare Fastify`,
      unit: 'ratio',
      value: of => of(`questlog, ${read}`, 'req/s') / of(`bare fastify, ${read}`, 'req/s'),
      wanted: { atLeast: 0.6 },
    }),
  ),
  warmUpRounds: 1,
  open: async size => {
    const installation = await Installation.open({ asInProduction: true });
    await fill(installation, ENTRIES[size]);
    await installation.start();
    const fastify = await ChildProgram.start('fastify-server', [installation.redisUrl]);
    const express = await ChildProgram.start('express-server', [installation.redisUrl]);
    await waitUntilProjected(installation, ENTRIES[size]);
    const contenders: Record<string, () => Promise<Figures>> = {};
    for (const [read, pathOf] of Object.entries(READS)) {
      const requests = requestsFor(pathOf, ENTRIES[size]);
      const measured = (url: string) => () => load(url, requests, { seconds: SECONDS[size] });
      contenders[`questlog, ${read}`] = measured(installation.url);
      contenders[`bare fastify, ${read}`] = measured(fastify.url);
      if (read === 'top 10') contenders[`express, ${read}`] = measured(express.url);
    }
    return {
      contenders,
      close: async () => {
        await Promise.all([fastify.stop(), express.stop()]);
        await installation.close();
      },
    };
  },
};

function requestsFor(pathOf: (player: string) => string, entries: number): Request[] {
  const next = random(2);
  return Array.from({ length: SAMPLED_PLAYERS }, () => ({
    method: 'GET',
    path: pathOf(`player-${Math.floor(next() * entries)}`),
  }));
}

function* scores(entries: number): Generator<TimedScore> {
  const next = random(1);
  for (let i = 0; i < entries; i++) {
    const score = Math.floor(next() * 1_000_000);
    yield { at: FIRST_SCORE_AT_MS + i, score: { board: BOARD, player: `player-${i}`, score } };
  }
}

/** Fills the board of each contender with the same scores. */
async function fill({ redis, topology }: Installation, entries: number): Promise<void> {
  await appendScores(redis, topology.of('scores', BOARD), scores(entries));
  let members: (string | number)[] = [];
  const add = async () => {
    for (const owner of ['bare', 'express']) await redis.zadd(`${owner}:ranks:${BOARD}`, ...members);
    members = [];
  };
  for (const { score } of scores(entries)) {
    members.push(score.score, score.player);
    if (members.length === 2 * BATCH_MEMBERS) await add();
  }
  if (members.length > 0) await add();
}

/** Waits until the board has all entries. */
async function waitUntilProjected({ admin }: Installation, entries: number): Promise<void> {
  for (;;) {
    const { status, body } = await admin.send<{ total: number }>('GET', path);
    if (status === 200 && body.total === entries) return;
    await new Promise(resolve => setTimeout(resolve, 100));
  }
}
