import fc from 'fast-check';
import { type NewEvent, packEvent, type StreamName } from '#libs/events';
import { anyEntries, anyStream, MemoryStore } from '#libs/testing';
import { type BinaryEntry, rowOf } from './entry-row.js';
import {
  ArchiveVersionError,
  ObjectDamagedError,
  ObjectMissingError,
  UnarchivableEntryError,
} from './errors.js';
import { hashOf } from './hash.js';
import { type SegmentInfo, segmentName } from './segment-format.js';
import { SegmentReader } from './segment-reader.js';
import { type Segment, SegmentWriter } from './segment-writer.js';

const FOLDER = 'scores-3/';

function seal(stream: StreamName, entries: readonly BinaryEntry[]): Segment {
  const writer = new SegmentWriter(stream, 3);
  for (const entry of entries) writer.add(entry);
  const segment = writer.finish();
  if (!segment) throw new Error('no entries');
  return segment;
}

async function stored({ info, bytes }: Segment): Promise<MemoryStore> {
  const store = new MemoryStore();
  await store.put(`${FOLDER}${segmentName(info)}`, bytes);
  return store;
}

async function readBack(segment: Segment): Promise<{ binary: BinaryEntry[]; texts: unknown[] }> {
  const reader = await SegmentReader.open(await stored(segment), FOLDER, segment.info);
  const binary: BinaryEntry[] = [];
  const texts: unknown[] = [];
  for (const group of reader.groups.keys()) {
    const rows = await reader.read(group);
    for (let i = 0; i < rows.length; i++) {
      binary.push(rows.binaryEntry(i));
      texts.push(rows.entry(i));
    }
  }
  return { binary, texts };
}

const toText = ([id, fields]: BinaryEntry) => [id, fields.map(field => field.toString())];

const entry = (id: string, event: NewEvent, more: Record<string, string> = {}): BinaryEntry => [
  id,
  Object.entries({ ...packEvent(event), ...more })
    .flat()
    .map(text => Buffer.from(text)),
];
const score = (id: string, player: string, board = 'weekly', value = 9): BinaryEntry =>
  entry(id, {
    type: 'ScoreSubmitted',
    data: { board, player, score: value },
    actor: { kind: 'player', id: player },
  });
const save = (id: string, document: string): BinaryEntry =>
  entry(
    id,
    {
      type: 'SaveWritten',
      data: { player: 'ada', slot: 'auto', document },
      actor: { kind: 'player', id: 'ada' },
    },
    { v: '1' },
  );

describe('a segment', () => {
  it('gives back every stream entry byte for byte, whatever it holds', async () => {
    await fc.assert(
      fc.asyncProperty(anyStream, anyEntries, async (stream, entries) => {
        const segment = seal(stream, entries);
        const { binary, texts } = await readBack(segment);
        expect(binary).toEqual(entries);
        expect(texts).toEqual(entries.map(toText));
        expect(segment.info).toMatchObject({
          first: entries[0]?.[0],
          last: entries.at(-1)?.[0],
          events: entries.length,
          bytes: segment.bytes.length,
          hash: hashOf(segment.bytes),
        });
      }),
      { numRuns: 150 },
    );
  });

  it('has the same bytes for the same entries', () => {
    fc.assert(
      fc.property(anyStream, anyEntries, (stream, entries) => {
        expect(seal(stream, entries).bytes.equals(seal(stream, entries).bytes)).toBe(true);
      }),
      { numRuns: 20 },
    );
  });

  it('keeps the bytes of an entry beside the columns only if the columns do not give them back', () => {
    expect(rowOf('scores', score('1-0', 'ada'))).toMatchObject({ board: 'weekly', score: 9 });
    expect(rowOf('scores', score('1-0', 'ada')).raw).toBeUndefined();
    const spaced: BinaryEntry = [
      '1-0',
      ['e', '["s1", "p:ada", "weekly", "ada", 9]'].map(text => Buffer.from(text)),
    ];
    expect(rowOf('scores', spaced)).toMatchObject({ board: 'weekly', score: 9, raw: expect.any(Buffer) });
  });

  it('keeps scores in the array form of old logs without their bytes', () => {
    const old: BinaryEntry = ['1-0', ['e', '["s1","p:ada","weekly","ada",9]'].map(text => Buffer.from(text))];
    expect(rowOf('scores', old)).toMatchObject({ code: 's1', type: 'ScoreSubmitted', board: 'weekly' });
    expect(rowOf('scores', old).raw).toBeUndefined();
  });

  it('has no columns but the bytes for an entry that is no event of its stream', () => {
    const { time, seq, raw, ...columns } = rowOf('scores', save('1-0', '{}'));
    expect(raw).toBeDefined();
    expect(columns).toEqual({});
  });

  it('rejects entries that are not in their order, and ids that no event can have', () => {
    const writer = new SegmentWriter('scores', 0);
    writer.add(score('1-10', 'ada'));
    expect(() => writer.add(score('1-9', 'ada'))).toThrow(RangeError);
    expect(() => writer.add(score('1-10', 'ada'))).toThrow(RangeError);
    expect(() => writer.add(score('9999999999999999-0', 'ada'))).toThrow(UnarchivableEntryError);
    expect(new SegmentWriter('scores', 0).finish()).toBeUndefined();
  });

  describe('with several row groups', () => {
    const EVENTS = 40_000;
    const entries = Array.from({ length: EVENTS }, (_, i) =>
      score(`${1_000 + i}-0`, `player-${Math.floor(i / 1_000)}`, i < 20_000 ? 'spring' : 'summer', i),
    );
    const segment = seal('scores', entries);

    it('reads only the row group that is asked for', async () => {
      const store = await stored(segment);
      const reader = await SegmentReader.open(store, FOLDER, segment.info);
      expect(reader.groups.map(group => group.events)).toEqual([16_384, 16_384, 7_232]);
      const rows = await reader.read(1);
      expect(rows.entry(0)).toEqual(toText(entries[16_384] as BinaryEntry));
      const [, group] = reader.groups;
      expect(store.reads.slice(1)).toEqual([
        `${FOLDER}${segmentName(segment.info)} ${group?.offset}+${group?.bytes}`,
      ]);
    });

    it('finds an id in a row group', async () => {
      const reader = await SegmentReader.open(await stored(segment), FOLDER, segment.info);
      const rows = await reader.read(0);
      expect(rows.indexAfter({ ms: 0, seq: 0 })).toBe(0);
      expect(rows.indexAfter({ ms: 1_000, seq: 0 })).toBe(1);
      expect(rows.indexAfter({ ms: 1_004, seq: 7 })).toBe(5);
      expect(rows.indexAfter({ ms: 99_999, seq: 0 })).toBe(16_384);
    });

    it('knows which row groups cannot have a board or a player', async () => {
      const reader = await SegmentReader.open(await stored(segment), FOLDER, segment.info);
      const groupsWith = (id: string) =>
        [...reader.groups.keys()].filter(group => reader.mayMention(group, [id]));
      expect(groupsWith('spring')).toEqual([0, 1]);
      expect(groupsWith('summer')).toEqual([1, 2]);
      expect(groupsWith('autumn')).toEqual([]);
      for (const [player, group] of [[0, 0], [20, 1], [39, 2]]) // biome-ignore format: pairs
        expect(groupsWith(`player-${player}`)).toContain(group);
      const strangers = Array.from({ length: 1_000 }, (_, i) => groupsWith(`stranger-${i}`));
      expect(strangers.flat().length).toBeLessThan(3 * 1_000 * 0.1);
    });

    it('may contain anything where an entry is no event', async () => {
      const odd: BinaryEntry = ['1-0', [Buffer.from('x'), Buffer.from('ada')]];
      const mixed = seal('scores', [odd, ...entries]);
      const reader = await SegmentReader.open(await stored(mixed), FOLDER, mixed.info);
      expect(mixed.info.undecodable).toBe(1);
      expect([0, 1, 2].map(group => reader.mayMention(group, ['ada']))).toEqual([true, false, false]);
    });
  });

  it('ends a row group before it holds more than 4 MiB', async () => {
    const document = JSON.stringify('x'.repeat(1_500_000));
    const segment = seal(
      'players',
      [1, 2, 3].map(i => save(`${i}-0`, document)),
    );
    const reader = await SegmentReader.open(await stored(segment), FOLDER, segment.info);
    expect(reader.groups.map(group => group.events)).toEqual([2, 1]);
  });

  it('takes less than 10 bytes for a score', () => {
    const entries = Array.from({ length: 16_384 }, (_, i) =>
      score(`${1_795_000_000_000 + i * 3}-0`, `player-${100_000 + ((i * 7_919) % 90_000)}`, 'weekly', i * 17),
    );
    expect(seal('scores', entries).bytes.length / entries.length).toBeLessThan(10);
  });

  describe('that is damaged', () => {
    const segment = seal('scores', [score('1-0', 'ada'), score('2-0', 'bob')]);
    const name = `${FOLDER}${segmentName(segment.info)}`;

    async function readAll(store: MemoryStore, info: SegmentInfo = segment.info): Promise<void> {
      const reader = await SegmentReader.open(store, FOLDER, info);
      for (const group of reader.groups.keys()) await reader.read(group);
    }

    it('is reported by name, whichever byte was changed', async () => {
      await fc.assert(
        // The first four bytes are the name of the format. Nothing depends on them.
        fc.asyncProperty(fc.integer({ min: 4, max: segment.bytes.length - 1 }), async at => {
          const store = await stored(segment);
          const bytes = store.objects.get(name);
          bytes?.writeUInt8((bytes.readUInt8(at) + 1) % 256, at);
          await expect(readAll(store)).rejects.toThrow(ObjectDamagedError);
          await expect(readAll(store)).rejects.toThrow(name);
        }),
      );
    });

    it('is reported by name when its end is missing', async () => {
      const store = await stored(segment);
      store.objects.set(name, segment.bytes.subarray(0, -1));
      await expect(readAll(store)).rejects.toThrow(ObjectDamagedError);
      await expect(readAll(store)).rejects.toThrow(name);
    });

    it('is reported by name when it is missing', async () => {
      await expect(readAll(new MemoryStore())).rejects.toThrow(ObjectMissingError);
      await expect(readAll(new MemoryStore())).rejects.toThrow(name);
    });
  });

  it('is refused when a newer Questlog wrote it in another format', async () => {
    const segment = seal('scores', [score('1-0', 'ada')]);
    // Of the same length, so that the metadata stays readable.
    const bytes = Buffer.from(
      segment.bytes.toString('latin1').replace('"version":"1.0"', '"version":"2.0"'),
      'latin1',
    );
    const tail = bytes.subarray(-segment.info.tailBytes);
    const info = { ...segment.info, tailHash: hashOf(tail) };
    const store = await stored({ info, bytes });
    await expect(SegmentReader.open(store, FOLDER, info)).rejects.toThrow(ArchiveVersionError);
    await expect(SegmentReader.open(store, FOLDER, info)).rejects.toThrow('version 2.0');
  });
});
