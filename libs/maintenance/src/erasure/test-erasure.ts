import fc from 'fast-check';
import { type RecordedEvent, type StreamName, unpackEvent } from '#libs/events';
import { leaderboards, scoreDocuments } from '#libs/leaderboards';
import { Projector } from '#libs/projections';
import {
  type BoardEvent,
  BoardWorkers,
  cut,
  deliver,
  repeated,
  SERVER,
  stateOf,
  type TestLog,
  work,
} from '#libs/testing';
import { projections } from '../projections/projections.js';
import { type PlayerEvent, saves } from '../projections/saves.projection.js';
import { verifyPartition } from '../verify/verify.js';
import { Eraser } from './eraser.js';

export const LOG = { log: () => {}, error: (text: string) => expect(text).toBeUndefined() };

/** Delivers what is new to every projection, in batches as they are cut, to two workers. */
export class Workers {
  private readonly boards: BoardWorkers;

  constructor(
    private readonly test: TestLog,
    private readonly any?: fc.GeneratorValue,
  ) {
    this.boards = new BoardWorkers(test);
  }

  async project(): Promise<void> {
    const { test } = this;
    for (const keys of test.topology.all('scores')) {
      const ranked = await deliver<BoardEvent['type']>(test, keys, leaderboards.name);
      await this.boards.project(keys, this.shares(ranked as BoardEvent[]));
      const documents = await deliver<BoardEvent['type']>(test, keys, scoreDocuments.name);
      const source = { keys, group: scoreDocuments.name };
      await Promise.all(
        this.shares(documents as BoardEvent[]).map(share =>
          work(share, batch => new Projector(test.redis, scoreDocuments).apply(batch, source)),
        ),
      );
    }
    for (const keys of test.topology.all('players')) {
      const events = (await deliver(test, keys, saves.name)) as RecordedEvent<PlayerEvent>[];
      const source = { keys, group: saves.name };
      await Promise.all(
        this.shares(events).map(share =>
          work(share, batch => new Projector(test.redis, saves).apply(batch, source)),
        ),
      );
    }
  }

  /** @returns differences between what is live and what the log says */
  async verify(): Promise<unknown[]> {
    const found: unknown[] = [];
    for (const projection of projections)
      for (const keys of this.test.topology.all(projection.stream))
        found.push(...(await verifyPartition(this.test.redis, projection, keys, undefined, async () => {})));
    return found;
  }

  private shares<Event>(events: readonly Event[]): Event[][][] {
    if (!this.any) return [[[...events]]];
    const { any } = this;
    const share = () => any(cut, any(repeated, events) as Event[]) as Event[][];
    return [share(), share()];
  }
}

/** Erases all who are to be erased, to the end. */
export async function eraseAll(test: TestLog, workers: Workers): Promise<void> {
  const eraser = new Eraser(test.redis, test.topology, projections, LOG);
  for (let round = 0; await eraser.run(); round++) {
    if (round === 20) throw new Error('the erasure does not come to an end');
    await workers.project();
  }
  await eraser.stop();
}

export const erase = ({ log }: TestLog, player: string) =>
  log.append({ type: 'PlayerErased', data: { player }, actor: SERVER });

export const statesOf = async (test: TestLog) => {
  const all = (['scores', 'players'] as StreamName[]).flatMap(stream => test.topology.all(stream));
  return Promise.all(all.map(keys => stateOf(test, keys)));
};

/** Every event that was ever appended and is of nobody who was erased since, as the log had it. */
export class Shadow {
  private readonly entries = new Map<string, [id: string, fields: string[]][]>();
  private readonly read = new Map<string, string>();

  constructor(private readonly test: TestLog) {}

  async follow(): Promise<void> {
    for (const { stream } of this.streams()) {
      const news = await this.test.redis.xrange(stream, `(${this.read.get(stream) ?? '0-0'}`, '+');
      this.entries.set(stream, [...(this.entries.get(stream) ?? []), ...news]);
      const last = news.at(-1);
      if (last) this.read.set(stream, last[0]);
    }
  }

  forget(player: string): void {
    const isTheirs = ([id, fields]: [id: string, fields: string[]]) => {
      const { data } = unpackEvent(id, fields);
      return 'player' in data && data.player === player;
    };
    for (const [stream, entries] of this.entries)
      this.entries.set(
        stream,
        entries.filter(entry => !isTheirs(entry)),
      );
  }

  /** The same events, in a log where nobody was ever erased. */
  async copyTo(other: TestLog): Promise<void> {
    for (const [stream, entries] of this.entries)
      for (const [id, fields] of entries)
        await other.redis.xadd(stream.replace(this.test.prefix, other.prefix), id, ...fields);
  }

  private streams() {
    const { topology } = this.test;
    return [...topology.all('scores'), ...topology.all('players')];
  }
}
