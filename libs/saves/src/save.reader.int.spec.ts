import type { NewEvent } from '#libs/events';
import { type PlayerEvent, saves } from '#libs/maintenance';
import { Projector } from '#libs/projections';
import { deliver, keysLike, openTestLog, SERVER, type TestLog } from '#libs/testing';
import { SaveReader } from './save.reader.js';

describe('SaveReader', () => {
  let test: TestLog;
  let reader: SaveReader;
  beforeAll(async () => {
    test = await openTestLog();
    reader = new SaveReader(test.redis, test.topology);
  });
  afterAll(() => test.close());

  /** Appends a save and projects it. */
  const write = (player: string, slot: string, document: string) =>
    append('SaveWritten', { player, slot, document });

  async function append(type: 'SaveWritten' | 'SaveDeleted', data: NewEvent<typeof type>['data']) {
    const { ref } = await test.log.append({ type, data, actor: SERVER } as NewEvent);
    const keys = test.topology.of('players', data.player);
    const events = await deliver<PlayerEvent>(test, keys, saves.name);
    await new Projector(test.redis, saves).apply(events, { keys, group: saves.name });
    return ref;
  }

  it.each([
    ['nothing in it', '{}'],
    ['emoji and other scripts', '{"face":"\u{1F600}","name":"\u0414\u0430\u0440\u044c\u044f","e":"e\u0301"}'],
    ['minus zero', '{"z":-0,"zero":-0.0}'],
    [
      'numbers beyond a double',
      '{"n":9007199254740993,"big":1e400,"long":0.1000000000000000055511151231257827}',
    ],
    ['a key twice', '{"a":1,"b":2,"a":3}'],
    ['keys in an order of its own', '{"b":1,"10":2,"9":3,"a":4}'],
    ['"__proto__" as a key', '{"__proto__":{"admin":true},"constructor":1}'],
    ['a lone surrogate, escaped', '{"lone":"\\ud800","low":"\\uDC00"}'],
    ['escapes that need none', '{"\\u0061":"\\/\\u0000\\u007f"}'],
    ['white space', ' {\r\n\t"a" :  1 }\n'],
    [
      'characters that Lua and Redis use',
      '{"q":"$1 %s %d \\\\ \\" \u0001 KEYS[1] \u2028"}'.replace('\u0001', '\\u0001'),
    ],
    ['200 KiB', `{"text":"${'\u00e4\u{1F600}xy'.repeat(25_600)}"}`],
  ])('gives back, byte for byte, a document with %s', async (name, document) => {
    const player = `player-${name.length}`;
    const slot = `slot.${name.replaceAll(/[^a-z]/g, '')}`;
    const { id } = await write(player, slot, document);
    expect(await reader.find(player, slot)).toEqual({
      version: 1,
      updatedAt: new Date(id.ms).toISOString(),
      bytes: Buffer.byteLength(document),
      document,
    });
  });

  it('returns the latest version of a slot, also if it is shorter', async () => {
    await write('ada', 'auto', '{"hp":100000}');
    await write('ada', 'auto', '{}');
    expect(await reader.find('ada', 'auto')).toMatchObject({ version: 2, bytes: 2, document: '{}' });
  });

  it('does not mix slots or players', async () => {
    await write('bob', 'one', '{"bob":1}');
    await write('bob', 'two', '{"bob":2}');
    await write('bo', 'b:one', '{"bo":1}');
    await write('bob:one', 'one', '{"bob:one":1}');
    const documents = await Promise.all(
      (
        [
          ['bob', 'one'],
          ['bob', 'two'],
          ['bo', 'b:one'],
          ['bob:one', 'one'],
        ] as const
      ).map(async ([player, slot]) => (await reader.find(player, slot))?.document),
    );
    expect(documents).toEqual(['{"bob":1}', '{"bob":2}', '{"bo":1}', '{"bob:one":1}']);
  });

  describe('after a deletion', () => {
    const data = { player: 'gus', slot: 'auto' };
    beforeAll(async () => {
      await write('gus', 'other', '{}');
      for (let version = 1; version <= 150; version++) {
        if (version === 149) await append('SaveDeleted', data);
        else await write('gus', 'auto', `{"n":${version}}`);
      }
      await append('SaveDeleted', data);
    });

    it('returns neither document nor slot', async () => {
      expect(await reader.find('gus', 'auto')).toBeUndefined();
      expect((await reader.list('gus')).map(({ slot }) => slot)).toEqual(['other']);
      expect(await keysLike(test.redis, '*save@1:gus/auto')).toEqual([]);
    });

    it('returns every version, across the hashes of the history', async () => {
      expect(await reader.latest('gus', 'auto')).toBe(151);
      const history = await reader.history('gus', 'auto', 151, 1_000);
      expect(history.map(({ version }) => version)).toEqual(Array.from({ length: 151 }, (_, i) => 151 - i));
      expect(history.filter(({ bytes }) => bytes === undefined).map(({ version }) => version)).toEqual([
        151, 149,
      ]);
      expect((await reader.history('gus', 'auto', 120, 40)).map(({ version }) => version)).toEqual(
        Array.from({ length: 40 }, (_, i) => 120 - i),
      );
    });

    it('returns nothing for slots that never existed', async () => {
      expect(await reader.latest('gus', 'never')).toBe(0);
      expect(await reader.history('gus', 'never', 5, 5)).toEqual([]);
      expect(await reader.list('nobody')).toEqual([]);
    });
  });

  it('returns nothing for an empty slot or an unknown player', async () => {
    await write('eve', 'auto', '{}');
    expect(await reader.find('eve', 'other')).toBeUndefined();
    expect(await reader.find('nobody', 'auto')).toBeUndefined();
  });
});
