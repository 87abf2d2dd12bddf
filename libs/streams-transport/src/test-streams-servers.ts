import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { deadLettersKey } from '#libs/event-log';
import { type RecordedEvent } from '#libs/events';
import { nodesOf } from '#libs/redis';
import { eventually, openTestLog, SERVER, type TestLog } from '#libs/testing';
import type { ConsumerOptions } from './partition-consumer.js';
import type { StreamContext } from './stream-context.js';
import { StreamsServer } from './streams-server.js';

export type ScoreEvent = RecordedEvent<'ScoreSubmitted'>;
export type Handler = (events: readonly ScoreEvent[], context: StreamContext) => unknown;

export const GROUP = 'group';
export const scoresOf = (events: readonly ScoreEvent[]) => events.map(event => event.data.score);

/** A handler whose batches take until they are released. */
class SlowHandler {
  running = 0;
  /** Batches at the same time, at most. */
  most = 0;
  finished = 0;
  private readonly released = Promise.withResolvers<void>();

  readonly handle = async () => {
    this.running += 1;
    this.most = Math.max(this.most, this.running);
    await this.released.promise;
    this.running -= 1;
    this.finished += 1;
  };

  release(): void {
    this.released.resolve();
  }
}

/** For each test, a log, servers that read it, and a slow handler. They are closed after the test. */
export function useStreamsServers() {
  let test: TestLog;
  let servers: StreamsServer[];
  let slow: SlowHandler;

  beforeAll(() => Logger.overrideLogger(false));
  beforeEach(async () => {
    test = await openTestLog();
    servers = [];
    slow = new SlowHandler();
  });
  afterEach(async () => {
    slow.release();
    await Promise.all(servers.map(server => server.close()));
    jest.restoreAllMocks();
    await test.close();
  });

  const keys = (board = 'board') => test.topology.of('scores', board);
  const stream = () => keys().stream;
  const submit = async (scores: readonly number[], board = 'board') => {
    for (const score of scores) {
      const data = { board, player: 'ada', score };
      await test.log.append({ type: 'ScoreSubmitted', data, actor: SERVER });
    }
  };

  const create = (options: Partial<ConsumerOptions> = {}) => {
    const server = new StreamsServer(test.redis, test.topology, {
      ...{ group: GROUP, consumer: test.prefix, batchSize: 100, maxDeliveries: 3, claimIdleMs: 60_000 },
      ...options,
    });
    servers.push(server);
    return server;
  };
  /** What `listen` tells its callback. */
  const listen = (server: StreamsServer) => {
    const told: unknown[] = [];
    server.listen(error => told.push(error));
    return told;
  };
  const start = (handler: Handler, options?: Partial<ConsumerOptions>) => {
    const server = create(options);
    server.addHandler('scores', async (events, context) => handler(events, context), true);
    expect(listen(server)).toEqual([undefined]);
    return server;
  };
  const untilReading = (server: StreamsServer) => eventually(() => server.assertReading());

  const pendingIds = async () => {
    const pending = await test.redis.xpending(stream(), GROUP, '-', '+', 1_000);
    return (pending as [string][]).map(([id]) => id);
  };
  const untilPending = (count: number, within?: number) =>
    eventually(async () => expect(await pendingIds()).toHaveLength(count), within);
  const deadLetters = async () => {
    const letters = await test.redis.xrange(deadLettersKey(keys(), GROUP), '-', '+');
    return letters.map(([, fields]) =>
      Object.fromEntries(fields.flatMap((name, i) => (i % 2 ? [] : [[name, fields[i + 1]]]))),
    );
  };
  const consumers = () => test.redis.xinfo('CONSUMERS', stream(), GROUP);
  /** The connections that this test's server reads with, and for how many seconds they have sent nothing. */
  const readers = async () => {
    const lists = nodesOf(test.redis).map(async node => {
      const list = (await node.client('LIST')) as string;
      return [...list.matchAll(/^id=(\d+) .*? name=(\S*) .*? idle=(\d+)/gm)]
        .filter(([, , name]) => name === `${test.prefix}:read`)
        .map(([, id, , idle]) => ({ node, id: Number(id), idle: Number(idle) }));
    });
    return (await Promise.all(lists)).flat();
  };
  const breakReaders = async () => {
    const all = await readers();
    expect(all).toHaveLength(test.topology.counts.scores);
    for (const { node, id } of all) await node.client('KILL', 'ID', id);
  };

  return {
    get test() {
      return test;
    },
    get slow() {
      return slow;
    },
    keys,
    stream,
    submit,
    create,
    listen,
    start,
    untilReading,
    pendingIds,
    untilPending,
    deadLetters,
    consumers,
    readers,
    breakReaders,
  };
}
