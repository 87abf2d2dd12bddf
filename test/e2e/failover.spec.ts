import { setTimeout as delay } from 'node:timers/promises';
import { Topology } from '#libs/event-log';
import { createClient } from '#libs/redis';
import { type ClusterNodeState, eventually, RedisCluster } from '#libs/testing';
import type { Client } from './support/client.js';
import { verify } from './support/run.js';
import { System } from './support/system.js';
import { Timeline } from './support/timeline.js';

const PREFIX = 'failover';
const COUNTS = { scores: 6, players: 2 };
const BOARDS = Array.from({ length: 24 }, (_, n) => `board-${n}`);
/** Clients for each board. */
const WIDTH = 2;
/** Milliseconds in which the contract answers every request, plus some for a busy machine. */
const LIMIT = 2_000 + 500;

interface Written {
  readonly board: string;
  readonly player: string;
}

/** Submits scores to all boards, one at a time from each client. Repeats a refused score with the same key. */
class Load {
  readonly accepted: Written[] = [];
  readonly timeline = new Timeline();
  slowest = 0;
  /** Answers other than 202 and 503. */
  readonly odd: unknown[] = [];
  private stopped = false;
  private made = 0;
  private running: Promise<void>[] = [];

  constructor(
    private readonly client: Client,
    private readonly isHit: (board: string) => boolean,
  ) {}

  start(): void {
    this.running = BOARDS.flatMap(board => Array.from({ length: WIDTH }, () => this.write(board)));
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.all(this.running);
  }

  private async write(board: string): Promise<void> {
    while (!this.stopped) {
      const player = `player-${this.made++}`;
      while (!(await this.isAccepted(board, player))) await delay(20);
      this.accepted.push({ board, player });
      await delay(10);
    }
  }

  private async isAccepted(board: string, player: string): Promise<boolean> {
    const sent = performance.now();
    const path = `/v1/leaderboards/${board}/scores`;
    const { status, body } = await this.client.post(
      path,
      { player, score: 7 },
      { 'Idempotency-Key': player },
    );
    this.slowest = Math.max(this.slowest, performance.now() - sent);
    const where = this.isHit(board) ? 'its slots' : 'others';
    const isUnconfirmed = status === 503 && body.detail.startsWith('it is in the log');
    this.timeline.count(`${where} ${isUnconfirmed ? 'unconfirmed' : status}`);
    if (status !== 202 && status !== 503) this.odd.push(body);
    return status === 202;
  }
}

/** The boards whose partitions are on a node. */
async function boardsOf(cluster: RedisCluster, slots: readonly (readonly [number, number])[]) {
  const redis = createClient(cluster.address, 'failover');
  await redis.connect();
  const topology = new Topology(PREFIX, COUNTS);
  const found: string[] = [];
  for (const board of BOARDS) {
    const slot = Number(await redis.call('CLUSTER', 'KEYSLOT', topology.of('scores', board).stream));
    if (slots.some(([from, to]) => slot >= from && slot <= to)) found.push(board);
  }
  redis.disconnect();
  return found;
}

/** The accepted scores that are not on the boards. */
async function missing(client: Client, written: readonly Written[]): Promise<Written[]> {
  const lost: Written[] = [];
  for (const [board, scores] of Map.groupBy(written, score => score.board)) {
    for (let at = 0; at < scores.length; at += 100) {
      const part = scores.slice(at, at + 100);
      const players = part.map(({ player }) => player);
      const { body } = await client.post(`/v1/leaderboards/${board}/lookup`, { players });
      const found = new Set(body.entries.map((entry: { player: string }) => entry.player));
      lost.push(...part.filter(({ player }) => !found.has(player)));
    }
  }
  return lost;
}

/** Accepts the loss of a failover; before that, the log cannot be verified. @returns the losses, by partition */
async function acceptLoss(admin: Client): Promise<string[]> {
  const partitions = Object.entries(COUNTS).flatMap(([stream, count]) =>
    Array.from({ length: count }, (_, partition) => ({ stream, partition })),
  );
  const accepted = await Promise.all(
    partitions.map(partition => admin.post('/v1/admin/log/accept-loss', partition)),
  );
  for (const { status } of accepted) expect(status).toBe(200);
  return accepted.flatMap(({ body }) => body.reason || []);
}

describe.each([
  ['dies under load, without a quorum', 0, 'killed'],
  ['dies under load, with a quorum of one replica', 1, 'killed'],
  ['freezes under load, with a quorum of one replica', 1, 'frozen'],
])('a cluster of which a master %s', (_, quorum, fault) => {
  let cluster: RedisCluster;
  let system: System;
  let environment: NodeJS.ProcessEnv;
  beforeAll(async () => {
    cluster = await RedisCluster.start({ nodeTimeout: 1_500 });
    environment = {
      ...cluster.environment,
      KEY_PREFIX: PREFIX,
      SCORES_PARTITIONS: String(COUNTS.scores),
      PLAYERS_PARTITIONS: String(COUNTS.players),
    };
    system = await System.start({ ...environment, WRITE_QUORUM: String(quorum), RATE_LIMIT: 'off' });
  }, 120_000);
  afterAll(async () => {
    await system?.close();
    await cluster?.stop();
  }, 60_000);

  const ports = () => cluster.address.nodes.map(node => Number(node.split(':')[1]));

  const chooseVictim = async () => {
    const states = await cluster.states(ports()[0] as number);
    const victim = states.find(({ isMaster }) => isMaster);
    if (!victim) throw new Error('there is no master');
    const hit = new Set(await boardsOf(cluster, victim.slots));
    expect(hit.size).toBeGreaterThan(0);
    expect(hit.size).toBeLessThan(BOARDS.length);
    return { victim, hit };
  };

  const untilTakenOver = async (victim: ClusterNodeState) => {
    const witness = ports().find(port => port !== victim.port) as number;
    const first = victim.slots[0]?.[0];
    await eventually(
      async () => {
        const states = await cluster.states(witness);
        expect(states.some(({ id, slots }) => id !== victim.id && slots[0]?.[0] === first)).toBe(true);
      },
      20_000,
      20,
    );
  };

  /** @returns a function that starts the master again */
  const kill = async ({ port }: ClusterNodeState, timeline: Timeline) => {
    timeline.note('a master is cut off from its replica');
    await cluster.cutOff(port);
    await delay(1_000);
    await cluster.kill(port);
    return () => cluster.revive(port);
  };

  it('refuses writes to its slots for a while, accepts all others, and loses nothing else', async () => {
    const { victim, hit } = await chooseVictim();
    const load = new Load(system.client, board => hit.has(board));
    const { timeline } = load;
    const untilMore = (what: string, count: number) => {
      const before = timeline.total(what);
      return eventually(() => expect(timeline.total(what)).toBeGreaterThan(before + count), 30_000);
    };
    load.start();
    await untilMore('its slots 202', 200);
    const mend = fault === 'killed' ? await kill(victim, timeline) : await cluster.freeze(victim.port);
    timeline.note(`the master is ${fault}`);
    await untilTakenOver(victim);
    timeline.note('its replica has taken over');
    // The new master has no replica: with a quorum, no write is confirmed until it has one.
    await untilMore(quorum === 0 ? 'its slots 202' : 'its slots unconfirmed', 20);
    await mend();
    timeline.note('the old master is back, as a replica');
    await untilMore('its slots 202', 100);
    await load.stop();

    expect(load.odd).toEqual([]);
    expect(timeline.total('others 503') + timeline.total('others unconfirmed')).toBe(0);
    expect(timeline.total('its slots 503')).toBeGreaterThan(0);
    expect(load.slowest).toBeLessThan(LIMIT);
    await eventually(async () => expect((await system.client.get('/readyz')).status).toBe(200), 20_000);
    const lost = await missing(system.client, load.accepted);
    const damage = await acceptLoss(system.admin);
    // With a quorum, events that were in the log for a moment and never acknowledged can be lost.
    if (lost.length > 0) expect(damage).not.toEqual([]);
    const { status, output } = await eventually(() => verify(environment), 20_000);
    expect({ status, output }).toMatchObject({ status: 0 });
    console.log(`${timeline}
slowest answer: ${Math.round(load.slowest)} ms; ${load.accepted.length} scores acknowledged, ${lost.length} of them lost
${output.replaceAll(/^\{.*\n/gm, '')}`);
    // Without a quorum, the events that the cut-off master acknowledged are lost.
    if (quorum === 0) expect(lost.every(({ board }) => hit.has(board))).toBe(true);
    else expect(lost).toEqual([]);
    expect(lost.length > 0).toBe(quorum === 0);
  }, 180_000);
});
