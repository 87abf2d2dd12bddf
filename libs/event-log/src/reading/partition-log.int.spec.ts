import fc from 'fast-check';
import { compareEventIds, parseEventId } from '#libs/events';
import { openTestLog, runs, type TestLog } from '#libs/testing';
import { ObjectMissingError } from '../archive/errors.js';
import type { SegmentSource } from '../archive/segment-source.js';
import { ArchiveMissingError } from '../errors.js';
import type { PartitionKeys } from '../partitions/partition-keys.js';
import { newestFirst } from './newest-first.js';
import { PartitionLog } from './partition-log.js';
import type { LogEntry } from './stream-page.js';

const compare = (a: string, b: string) => compareEventIds(parseEventId(a), parseEventId(b));

/** An archive in memory that deletes a manifest as soon as a newer one replaces it. */
class MemoryArchive implements SegmentSource {
  private entries: readonly LogEntry[] = [];
  private manifest = 'm0';

  constructor(private readonly pageEntries = 7) {}

  /** Seals what the stream has up to an id, and then trims it, as the archiver does. */
  async advance({ redis }: TestLog, keys: PartitionKeys, floor: string): Promise<void> {
    const sealed = await redis.xrange(keys.stream, '-', floor);
    const last = this.entries.at(-1)?.[0] ?? '0-0';
    this.entries = [...this.entries, ...sealed.filter(([id]) => compare(id, last) > 0)];
    this.manifest = `m${Number(this.manifest.slice(1)) + 1}`;
    await redis.hset(keys.archive(), 'floor', floor, 'manifest', this.manifest);
    await redis.xdel(keys.stream, ...sealed.map(([id]) => id));
  }

  async *pages(_: PartitionKeys, manifest: string, after: string, upTo: string) {
    this.assertThere(manifest);
    const wanted = this.entries.filter(([id]) => compare(id, after) > 0 && compare(id, upTo) <= 0);
    for (let at = 0; at < wanted.length; at += this.pageEntries) {
      this.assertThere(manifest);
      yield wanted.slice(at, at + this.pageEntries);
    }
  }

  async *backwards(_: PartitionKeys, manifest: string, before: string) {
    this.assertThere(manifest);
    const wanted = this.entries.filter(([id]) => compare(id, before) < 0).toReversed();
    for (let at = 0; at < wanted.length; at += this.pageEntries) {
      this.assertThere(manifest);
      yield wanted.slice(at, at + this.pageEntries);
    }
  }

  async event(_: PartitionKeys, manifest: string, wanted: string) {
    this.assertThere(manifest);
    return this.entries.find(([id]) => id === wanted);
  }

  private assertThere(manifest: string): void {
    if (manifest !== this.manifest) throw new ObjectMissingError('memory', manifest);
  }
}

describe('PartitionLog', () => {
  let test: TestLog;
  let keys: PartitionKeys;
  beforeEach(async () => {
    test = await openTestLog();
    keys = test.topology.at('scores', 0);
  });
  afterEach(() => test.close());

  async function append(count: number): Promise<string[]> {
    const ids = Array.from({ length: count }, (_, i) => `${1 + Math.floor(i / 3)}-${i % 3}`);
    for (const id of ids) await test.redis.xadd(keys.stream, id, 'e', `event ${id}`);
    return ids;
  }

  /** @param between called after each page */
  async function forward(log: PartitionLog, after?: string, upTo?: string, between?: () => Promise<void>) {
    const ids: string[] = [];
    for await (const page of log.pages(after, upTo)) {
      ids.push(...page.map(([id]) => id));
      await between?.();
    }
    return ids;
  }

  async function backward(log: PartitionLog, between?: () => Promise<void>): Promise<string[]> {
    const ids: string[] = [];
    for await (const { id } of newestFirst([{ name: 's0', entries: log }])) {
      ids.push(id);
      await between?.();
    }
    return ids;
  }

  it('reads a log without an archive', async () => {
    const ids = await append(200);
    const log = new PartitionLog(test.redis, keys);
    expect(await forward(log)).toEqual(ids);
    expect(await forward(log, ids[10], ids[20])).toEqual(ids.slice(11, 21));
    expect(await backward(log)).toEqual(ids.toReversed());
    expect(await log.event(ids[3] ?? '')).toEqual([ids[3], ['e', `event ${ids[3]}`]]);
    expect(await log.event('999-0')).toBeUndefined();
  });

  it('reads an empty log', async () => {
    const log = new PartitionLog(test.redis, keys, new MemoryArchive());
    expect([await forward(log), await backward(log), await log.event('1-0')]).toEqual([[], [], undefined]);
  });

  it('reads every entry once and in order, while the floor rises at random', () =>
    fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 120 }), fc.gen(), async (count, any) => {
        await test.redis.unlink(keys.stream, keys.archive());
        const ids = await append(count);
        const archive = new MemoryArchive(any(fc.integer, { min: 1, max: 50 }));
        const log = new PartitionLog(test.redis, keys, archive);
        let floor = -1;
        const raise = async () => {
          const next = any(fc.integer, { min: floor, max: ids.length - 1 });
          if (next === floor || any(fc.boolean)) return;
          floor = next;
          await archive.advance(test, keys, ids[floor] ?? '');
        };
        await raise();
        const [from, to] = [any(fc.nat, { max: count - 1 }), any(fc.nat, { max: count - 1 })];
        expect(await forward(log, ids[from], ids[to], raise)).toEqual(ids.slice(from + 1, to + 1));
        expect(await backward(log, raise)).toEqual(ids.toReversed());
        expect(await forward(log, undefined, undefined, raise)).toEqual(ids);
        const one = ids[from] ?? '';
        expect(await log.event(one)).toEqual([one, ['e', `event ${one}`]]);
      }),
      { numRuns: runs(60), endOnFailure: true },
    ));

  it('reads a log of which everything is archived', async () => {
    const ids = await append(20);
    const archive = new MemoryArchive();
    await archive.advance(test, keys, ids.at(-1) ?? '');
    const log = new PartitionLog(test.redis, keys, archive);
    expect(await forward(log)).toEqual(ids);
    expect(await backward(log)).toEqual(ids.toReversed());
  });

  it('fails if a part is only in the archive, and none is configured', async () => {
    const ids = await append(20);
    await new MemoryArchive().advance(test, keys, ids[9] ?? '');
    const log = new PartitionLog(test.redis, keys);
    for (const read of [() => forward(log), () => backward(log), () => log.event(ids[2] ?? '')])
      await expect(read()).rejects.toThrow(ArchiveMissingError);
    expect(await forward(log, ids[9])).toEqual(ids.slice(10));
  });

  it('fails if an object of the current manifest is missing, and never yields a shorter log', async () => {
    const ids = await append(20);
    await new MemoryArchive().advance(test, keys, ids[9] ?? '');
    await test.redis.hset(keys.archive(), 'manifest', 'elsewhere');
    const log = new PartitionLog(test.redis, keys, new MemoryArchive());
    for (const read of [() => forward(log), () => backward(log), () => log.event(ids[2] ?? '')])
      await expect(read()).rejects.toThrow(ObjectMissingError);
  });
});
