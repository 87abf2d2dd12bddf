import { setTimeout as delay } from 'node:timers/promises';
import { Client, inParallel } from './support/client.js';
import { Gateway } from './support/gateway.js';
import { System } from './support/system.js';

/** The documentation claims 50,000 (`SESSIONS=50000`). The default is lower because that takes minutes. */
const SESSIONS = Number(process.env.SESSIONS ?? 3_000);
const WIDTH = 64;
/** How long both gateways are up between two restarts. */
const PAUSE_MS = 5_000;

interface Opened {
  readonly playerId: string;
  readonly token: string;
}

/** Two gateways, one of which may be down: then the other one gets the call, as behind a load balancer. */
class Balanced {
  /** The number of calls that moved to the other gateway. */
  moved = 0;
  private turn = 0;
  private readonly clients: readonly Client[];

  constructor(ports: readonly number[]) {
    this.clients = ports.map(port => new Client(port));
  }

  async send(method: string, path: string, token?: string, body?: object) {
    const first = this.turn++;
    for (let attempt = 0; ; attempt++) {
      const client = this.clients[(first + attempt) % this.clients.length] as Client;
      const headers: Record<string, string> = token === undefined ? {} : { Authorization: `Bearer ${token}` };
      try {
        const answer = await client.send(method, path, body, headers);
        // A gateway that is stopping still answers, and says that it is stopping.
        if (answer.status !== 503) return answer;
      } catch (error) {
        if (attempt > 10) throw error;
      }
      this.moved += 1;
    }
  }

  close(): void {
    for (const client of this.clients) client.close();
  }
}

describe(`${SESSIONS} sessions from two gateways`, () => {
  let system: System;
  let second: Gateway;
  let gateways: Balanced;

  beforeAll(async () => {
    system = await System.start({ RATE_LIMIT: 'off' });
    second = await Gateway.start(system, { RATE_LIMIT: 'off' });
    gateways = new Balanced([system.port, second.port]);
  }, 60_000);
  afterAll(async () => {
    gateways.close();
    await second.stop();
    await system.close();
  }, 60_000);

  /** Restarts the second gateway on the same port until `done`. @returns the number of restarts */
  async function restartingDuring(work: Promise<unknown>): Promise<number> {
    let isDone = false;
    const done = work.finally(() => {
      isDone = true;
    });
    let restarts = 0;
    while (!isDone) {
      await second.stop();
      second = await Gateway.start(system, { RATE_LIMIT: 'off', PORT: String(second.port) });
      restarts += 1;
      await Promise.race([done, delay(PAUSE_MS, undefined, { ref: false })]);
    }
    await done;
    return restarts;
  }

  it('stay logged in as the same player while one gateway restarts', async () => {
    const opened: Opened[] = [];
    const open = async () => {
      const { status, body } = await gateways.send('POST', '/v1/sessions', undefined, {});
      expect(status).toBe(201);
      opened.push(body);
      const own = { of: body.playerId };
      expect((await gateways.send('PUT', '/v1/players/me/saves/own', body.token, own)).status).toBe(202);
    };
    const began = performance.now();
    const restarts = await restartingDuring(inParallel(SESSIONS, WIDTH, open));
    const created = performance.now();
    expect(new Set(opened.map(({ playerId }) => playerId)).size).toBe(SESSIONS);
    expect(new Set(opened.map(({ token }) => token)).size).toBe(SESSIONS);

    const wrong: string[] = [];
    const use = async () => {
      const { playerId, token } = opened[Math.floor(Math.random() * SESSIONS)] as Opened;
      const who = await gateways.send('GET', '/v1/sessions/current', token);
      const own = await gateways.send('GET', '/v1/players/me/saves/own', token);
      if (who.body.playerId !== playerId || own.body.of !== playerId)
        wrong.push(`${playerId}: ${who.status} ${who.text}, ${own.status} ${own.text}`);
    };
    const more = await restartingDuring(inParallel(SESSIONS, WIDTH, use));
    expect(wrong).toEqual([]);
    expect(Math.min(restarts, more)).toBeGreaterThan(0);
    console.log(
      `opened in ${Math.round((created - began) / 1_000)} s, used in ${Math.round((performance.now() - created) / 1_000)} s; ${restarts + more} restarts moved ${gateways.moved} calls to the other gateway`,
    );
  }, 900_000);
});
