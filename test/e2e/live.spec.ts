import { get, type IncomingMessage } from 'node:http';
import { eventually } from '#libs/testing';
import type { Client } from './support/client.js';
import { System } from './support/system.js';

const WAIT = { Prefer: 'wait=5' };

interface LiveEvent {
  readonly event: string;
  readonly id: string;
  readonly page: { readonly total: number; readonly entries: readonly { player: string; score: number }[] };
}

/** A client of a live board, like an `EventSource`. */
class LiveClient {
  private text = '';
  isOver = false;

  private constructor(private readonly response: IncomingMessage) {
    response.setEncoding('utf8').on('data', chunk => {
      this.text += chunk;
    });
    response.on('error', () => {});
    response.on('close', () => {
      this.isOver = true;
    });
  }

  static open(port: number, path: string, headers: Record<string, string> = {}): Promise<LiveClient> {
    return new Promise((resolve, reject) =>
      get({ port, path, headers }, response => resolve(new LiveClient(response))).on('error', reject),
    );
  }

  get events(): LiveEvent[] {
    return [...this.text.matchAll(/event: (\w+)\nid: (\S+)\ndata: (.*)\n\n/g)].map(
      ([, event = '', id = '', data = '']) => ({ event, id, page: JSON.parse(data) }),
    );
  }

  close(): void {
    this.response.destroy();
  }
}

describe('a live board', () => {
  let system: System;
  let client: Client;

  beforeAll(async () => {
    system = await System.start();
    client = system.client;
  }, 60_000);
  afterAll(() => system.close(), 60_000);

  const live = (headers?: Record<string, string>) =>
    LiveClient.open(system.port, '/v1/leaderboards/live/live?limit=3', headers);
  const submit = (player: string, score: number) =>
    client.post('/v1/leaderboards/live/scores', { player, score }, WAIT);

  it('sends every change to all clients, and only new changes to one that reconnects', async () => {
    const watchers = await Promise.all(Array.from({ length: 20 }, () => live()));
    await eventually(() => {
      for (const { events } of watchers)
        expect(events).toMatchObject([{ event: 'snapshot', page: { total: 0, entries: [] } }]);
    });
    for (let score = 1; score <= 30; score++) await submit(`p${score}`, score);
    await eventually(() => {
      for (const { events } of watchers)
        expect(events.at(-1)).toMatchObject({
          event: 'update',
          page: { total: 30, entries: [{ player: 'p30' }, { player: 'p29' }, { player: 'p28' }] },
        });
    });
    for (const watcher of watchers) watcher.close();

    const last = watchers[0]?.events.at(-1);
    const back = await live({ 'Last-Event-ID': last?.id ?? '' });
    await submit('p31', 31);
    await eventually(() => expect(back.events).toMatchObject([{ event: 'update', page: { total: 31 } }]));
    back.close();
  });

  it('first sends the state that the client waited for', async () => {
    for (let score = 100; score < 110; score++) {
      const { body } = await client.post('/v1/leaderboards/live/scores', { player: 'ada', score });
      const watcher = await live({ 'If-Applied': body.eventId });
      await eventually(() => expect(watcher.events[0]?.page.entries[0]).toMatchObject({ score }));
      watcher.close();
    }
  });

  it('pauses while Redis is down, continues afterwards, and refuses new clients meanwhile', async () => {
    const watcher = await live();
    await eventually(() => expect(watcher.events).toHaveLength(1));
    const { redis = 0 } = system.pids();
    process.kill(redis, 'SIGSTOP');
    try {
      const began = Date.now();
      expect(await client.get('/v1/leaderboards/live/live?limit=2')).toMatchObject({ status: 503 });
      expect(Date.now() - began).toBeLessThan(2_500);
      expect(watcher.events).toHaveLength(1);
    } finally {
      process.kill(redis, 'SIGCONT');
    }
    await eventually(async () => expect((await submit('eve', 1_000)).status).toBe(200));
    await eventually(() =>
      expect(watcher.events.at(-1)).toMatchObject({
        event: 'update',
        page: { entries: [{ player: 'eve' }, {}, {}] },
      }),
    );
    expect(watcher.isOver).toBe(false);
    watcher.close();
  });

  it('ends when the gateway ends, which does not wait for its clients', async () => {
    const watcher = await live();
    await eventually(() => expect(watcher.events).toHaveLength(1));
    const began = Date.now();
    await system.stop('SIGINT');
    expect(Date.now() - began).toBeLessThan(5_000);
    expect(watcher.isOver).toBe(true);
  });
});
