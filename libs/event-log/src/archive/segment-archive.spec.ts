import fc from 'fast-check';
import { anyEntries, MemoryStore } from '#libs/testing';
import { PartitionKeys } from '../partitions/partition-keys.js';
import type { LogEntry } from '../reading/stream-page.js';
import type { BinaryEntry } from './entry-row.js';
import { ArchiveVersionError, ObjectDamagedError, ObjectMissingError } from './errors.js';
import { hashOf } from './hash.js';
import { readManifest, writeManifest } from './manifest.js';
import { SegmentArchive } from './segment-archive.js';
import { type SegmentInfo, segmentName } from './segment-format.js';
import { type Segment, SegmentWriter } from './segment-writer.js';

const FOLDER = 'scores-3/';
const KEYS = new PartitionKeys('ql', 'scores', 3);
const START = '0-0';
const END = '999999999999999-999999999999999';

function seal(entries: readonly BinaryEntry[]): Segment {
  const writer = new SegmentWriter('scores', 3);
  for (const entry of entries) writer.add(entry);
  return writer.finish() as Segment;
}

/** Writes each list of entries as a segment, and a manifest of them. */
async function archive(parts: readonly (readonly BinaryEntry[])[]) {
  const store = new MemoryStore();
  const segments = parts.filter(part => part.length > 0).map(seal);
  for (const { info, bytes } of segments) await store.put(`${FOLDER}${segmentName(info)}`, bytes);
  const { name, bytes } = writeManifest(
    'scores',
    3,
    segments.map(segment => segment.info),
  );
  await store.put(`${FOLDER}${name}`, bytes);
  const object = `${FOLDER}${name}`;
  const segmentArchive = new SegmentArchive(store);
  return {
    store,
    object,
    manifest: await readManifest(store, object),
    pages: (after = START, upTo = END) => all(segmentArchive.pages(KEYS, object, after, upTo)),
    backwards: (before = END, mentions?: string[]) =>
      all(segmentArchive.backwards(KEYS, object, before, mentions)),
    event: (id: string) => segmentArchive.event(KEYS, object, id),
    segmentArchive,
  };
}

async function all(pages: AsyncIterable<readonly LogEntry[]>): Promise<LogEntry[]> {
  const entries: LogEntry[] = [];
  for await (const page of pages) entries.push(...page);
  return entries;
}

const toText = ([id, fields]: BinaryEntry): LogEntry => [id, fields.map(field => field.toString())];
const score = (ms: number, player: string, board = 'weekly'): BinaryEntry => [
  `${ms}-0`,
  ['e', `s2 p ${board} ${player} 9`].map(text => Buffer.from(text)),
];
const range = (from: number, to: number, player: (i: number) => string = i => `player-${i}`) =>
  Array.from({ length: to - from }, (_, i) => score(from + i, player(from + i)));

describe('a segment archive', () => {
  it('gives back every range of its entries, in both directions, however they are cut into segments', async () => {
    await fc.assert(
      fc.asyncProperty(anyEntries, fc.nat(), fc.nat(), fc.nat(), async (entries, cut, from, to) => {
        const id = (i: number) => entries[i % entries.length]?.[0] ?? '';
        const parts = [entries.slice(0, cut % entries.length), entries.slice(cut % entries.length)];
        const { pages, backwards, event } = await archive(parts);
        const texts = entries.map(toText);
        expect(await pages()).toEqual(texts);
        expect(await backwards()).toEqual(texts.toReversed());
        const [after, upTo] = [from % entries.length, to % entries.length];
        expect(await pages(id(after), id(upTo))).toEqual(texts.slice(after + 1, upTo + 1));
        expect(await backwards(id(upTo))).toEqual(texts.slice(0, upTo).reverse());
        expect(await event(id(after))).toEqual(texts[after]);
      }),
      { numRuns: 60 },
    );
  });

  it('finds an event by its id, and nothing between two events or outside of them', async () => {
    const { event } = await archive([range(10, 20), range(30, 40)]);
    expect(await event('15-0')).toEqual(toText(score(15, 'player-15')));
    for (const id of ['9-0', '15-1', '20-0', '25-0', '40-0']) expect(await event(id)).toBeUndefined();
  });

  it('returns pages of at most 1,000 entries', async () => {
    const { segmentArchive, object } = await archive([range(1, 2_501)]);
    const sizes: number[] = [];
    for await (const page of segmentArchive.pages(KEYS, object, START, END)) sizes.push(page.length);
    expect(sizes).toEqual([1_000, 1_000, 500]);
  });

  it('reads only the segments and row groups that a range needs', async () => {
    const { store, pages, event } = await archive([
      range(1, 40_001),
      range(40_001, 40_011),
      range(40_011, 40_021),
    ]);
    store.reads.length = 0;
    expect(await pages('33000-0', '40005-0')).toHaveLength(7_005);
    // The manifest, the tail and the last row group of the first segment, and both of the second.
    expect(store.reads).toHaveLength(1 + 2 + 2);
    store.reads.length = 0;
    await event('40015-0');
    expect(store.reads).toHaveLength(2);
    store.reads.length = 0;
    await event('40016-0');
    expect(store.reads).toEqual([]);
  });

  it('leaves out row groups in which nobody is mentioned', async () => {
    const player = (i: number) => (i < 20_000 ? 'early' : 'late');
    const { store, backwards } = await archive([range(1, 40_001, player)]);
    const found = await backwards(END, ['late']);
    expect(found.filter(([, [, e]]) => e?.includes(' late '))).toHaveLength(20_001);
    // Two of three row groups, and the tail.
    expect(store.reads.filter(read => read.includes('.parquet'))).toHaveLength(3);
    expect(await backwards(END, ['weekly'])).toHaveLength(40_000);
    expect(await backwards(END, ['nobody'])).toEqual([]);
  });

  it('keeps only a few row groups in memory', async () => {
    const { store, object } = await archive([range(1, 16_384 * 2 + 2)]);
    const small = new SegmentArchive(store, 2);
    await all(small.pages(KEYS, object, START, END));
    store.reads.length = 0;
    await small.event(KEYS, object, `${16_384 * 2 + 1}-0`);
    expect(store.reads).toEqual([]);
    await small.event(KEYS, object, '1-0');
    expect(store.reads).toHaveLength(1);
  });

  it('shares one read among callers at the same time', async () => {
    const { store, event } = await archive([range(1, 11)]);
    store.reads.length = 0;
    await Promise.all([event('1-0'), event('2-0'), event('3-0')]);
    expect(store.reads).toHaveLength(3);
  });

  it('refuses the manifest of another partition', async () => {
    const { segmentArchive, object } = await archive([range(1, 11)]);
    const other = new PartitionKeys('ql', 'scores', 4);
    await expect(segmentArchive.event(other, object, '1-0')).rejects.toThrow(ObjectDamagedError);
    await expect(segmentArchive.event(other, object, '1-0')).rejects.toThrow('it is of scores 3');
  });

  it.each([
    ['missing', undefined, ObjectMissingError],
    ['cut off', (bytes: Buffer) => bytes.subarray(0, -9), ObjectDamagedError],
    ['changed', (bytes: Buffer) => Buffer.from(bytes).fill(0, 20, 24), ObjectDamagedError],
  ])(
    'never leaves out a segment that is %s: it fails, names it, and goes on when it is restored',
    async (_, damage, error) => {
      const { store, manifest, pages, backwards, event } = await archive([
        range(1, 11),
        range(11, 21),
        range(21, 31),
      ]);
      const [, second] = manifest.segments;
      const object = `${FOLDER}${segmentName(second as SegmentInfo)}`;
      const intact = store.objects.get(object) as Buffer;
      if (damage) store.objects.set(object, damage(intact));
      else store.objects.delete(object);
      for (const read of [pages, backwards, () => event('15-0')]) {
        await expect(read()).rejects.toThrow(error);
        await expect(read()).rejects.toThrow(object);
      }
      store.objects.set(object, intact);
      expect(await pages()).toHaveLength(30);
    },
  );
});

describe('a manifest', () => {
  it('lists segments with their sums', async () => {
    const { object, manifest } = await archive([range(1, 11), range(11, 31)]);
    expect(object).toMatch(/^scores-3\/1-0_30-0-[\da-f]{32}\.json$/);
    expect(manifest).toMatchObject({ version: '1.0', stream: 'scores', partition: 3, events: 30 });
    expect(manifest.segments.map(({ first, last, events }) => [first, last, events])).toEqual([
      ['1-0', '10-0', 10],
      ['11-0', '30-0', 20],
    ]);
    expect(manifest.bytes).toBe(manifest.segments.reduce((sum, { bytes }) => sum + bytes, 0));
  });

  it('can be empty', async () => {
    const { object, pages, backwards, event } = await archive([]);
    expect(object).toMatch(/\/0-0_0-0-/);
    expect([await pages(), await backwards(), await event('1-0')]).toEqual([[], [], undefined]);
  });

  it('rejects segments that overlap or are not in their order', () => {
    const infos = [range(1, 11), range(10, 21)].map(entries => seal(entries).info);
    expect(() => writeManifest('scores', 3, infos)).toThrow(RangeError);
    expect(() => writeManifest('scores', 3, infos.toReversed())).toThrow(RangeError);
  });

  it('is reported by name when it is missing or damaged', async () => {
    const { store, object } = await archive([range(1, 11)]);
    const bytes = store.objects.get(object) as Buffer;
    for (let at = 0; at < bytes.length; at++) {
      const damaged = Buffer.from(bytes);
      damaged[at] = (damaged[at] as number) ^ 1;
      store.objects.set(object, damaged);
      await expect(readManifest(store, object)).rejects.toThrow(ObjectDamagedError);
    }
    store.objects.delete(object);
    await expect(readManifest(store, object)).rejects.toThrow(ObjectMissingError);
    await expect(readManifest(store, object)).rejects.toThrow(object);
  });

  it('ignores fields of a newer minor version, and refuses a newer major one', async () => {
    const store = new MemoryStore();
    const stored = async (version: string) => {
      const bytes = Buffer.from(
        JSON.stringify({ version, stream: 'scores', partition: 3, segments: [], new: 1 }),
      );
      const object = `${FOLDER}0-0_0-0-${hashOf(bytes)}.json`;
      await store.put(object, bytes);
      return readManifest(store, object);
    };
    await expect(stored('1.9')).resolves.toMatchObject({ version: '1.9' });
    await expect(stored('2.0')).rejects.toThrow(ArchiveVersionError);
    await expect(stored('2.0')).rejects.toThrow(
      'version 2.0, which a newer Questlog wrote: upgrade this one',
    );
  });
});
