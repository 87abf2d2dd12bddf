import { PartitionKeys } from '#libs/event-log';
import { stateKeys } from '#libs/projections';
import type { RedisClient } from '#libs/redis';
import type { PlayerDocument } from './documents.js';
import { indexCommand, JsonDocuments, jsonEffects, parseFound, searchCommand } from './json-documents.js';
import { searchDocumentKey } from './keys.js';
import { byBytes, memberOf } from './search-terms.js';

const keys = new PartitionKeys('ql', 'players', 3);
const state = stateKeys(keys, 2, 'json');
const hex = (text: string) => Buffer.from(text).toString('hex');

/** The JSON value that is written for a document, parsed. */
const written = (collection: string, document: PlayerDocument) => {
  const [effect] = jsonEffects({ keys: state, collection, player: 'p.1' }, undefined, document);
  const [path, json] = effect?.args ?? [];
  return { ...effect, args: [path, JSON.parse((json as { document: string }).document)] };
};

describe('a document as a JSON value', () => {
  it('of a profile is indexed by every prefix of its name, and contains the profile unchanged', () => {
    expect(written('profiles', { texts: ['a \u00e9'], json: '{"name":"A \u00c9","n":1e+30}' })).toEqual({
      command: 'JSON.SET',
      type: 'ReJSON-RL',
      key: 'ql:{p3}:document@2:profiles/p.1',
      args: [
        '$',
        {
          at: 'p3g2',
          kind: 'profiles',
          player: 'p.1',
          order: hex('a \u00e9\0p.1'),
          texts: ['x61', 'x6120', 'x6120c3a9'],
          value: { name: 'A \u00c9', n: 1e30 },
        },
      ],
    });
  });

  it('of a slot is indexed by its words, and sorted by player', () => {
    const { args } = written('cache-quest:player', { texts: ['', 'ada', 'l'], json: '{"name":"Ada L"}' });
    expect(args[1]).toMatchObject({ kind: 'cache-quest:player', order: hex('\0p.1'), texts: ['ada', 'l'] });
  });

  it('contains valid Unicode only: a lone surrogate is replaced, and text that looks like one is not', () => {
    const value = { a: '\ud800x', '\udfff': '\\ud800', b: '\u{1F600}', c: '\\\ud800' };
    expect(written('profiles', { texts: [], json: JSON.stringify(value) }).args[1].value).toEqual({
      ...{ a: '\ufffdx', '\ufffd': '\\ud800', b: '\u{1F600}', c: '\\\ufffd' },
    });
  });

  it('is deleted with the document, if there was one', () => {
    const place = { keys: state, collection: 'cache-quest:game', player: 'p1' };
    expect(jsonEffects(place, { texts: [''], json: '{}' }, undefined)).toEqual([
      { command: 'UNLINK', type: 'ReJSON-RL', key: 'ql:{p3}:document@2:cache-quest:game/p1', args: [] },
    ]);
    expect(jsonEffects(place, undefined, undefined)).toEqual([]);
  });
});

describe('a command to Redis Search', () => {
  it('creates an index over the documents of all players partitions', () => {
    expect(indexCommand('ql').join(' ')).toBe(
      'FT.CREATE ql:documents ON JSON PREFIX 1 ql:{p SCHEMA $.at AS at TAG CASESENSITIVE ' +
        '$.kind AS kind TAG CASESENSITIVE $.texts[*] AS text TAG CASESENSITIVE ' +
        '$.order AS order TAG CASESENSITIVE SORTABLE',
    );
    expect(searchDocumentKey(stateKeys(keys, 1), 'profiles', 'ada').startsWith('ql:{p')).toBe(true);
  });

  it('selects generations by label, and passes everything else as parameters', () => {
    const command = searchCommand('ql', ['p0g1', 'p1g2'], 'cache-quest:player', ['ada', 'king'], 0, 20);
    expect(command).toEqual([
      ...['FT.SEARCH', 'ql:documents', '@at:{p0g1|p1g2} @kind:{$kind} @text:{$t0} @text:{$t1}'],
      ...['RETURN', '1', 'order', 'SORTBY', 'order', 'ASC', 'LIMIT', '0', '20'],
      ...['PARAMS', '6', 'kind', 'cache-quest:player', 't0', 'ada', 't1', 'king', 'DIALECT', '2'],
    ]);
  });

  it.each(['} @at:{x', '*', '$kind', 'a|b', '\\', '"', "'", '-a', '(', '%a%', 'p:1 => {$weight: 2}'])(
    'has nothing of %j in its query',
    text => {
      const [, , query, ...args] = searchCommand('ql', ['p0g1'], 'profiles', [text], 5, 1);
      expect(query).toBe('@at:{p0g1} @kind:{$kind} @text:{$t0}');
      expect(args[args.indexOf('t0') + 1]).toBe(text);
    },
  );
});

describe('the reply to a search', () => {
  const members = ['a\0p1', '\u{1F600}\0p2'];

  it('is parsed from a list, and from the pairs of a RESP3 map', () => {
    const list = members.flatMap((member, i) => [`key-${i}`, ['order', hex(member)]]);
    const results = members.map((member, i) => [
      ...['id', `key-${i}`, 'extra_attributes', ['order', hex(member)], 'values', []],
    ]);
    const map = ['attributes', [], 'format', 'STRING', 'results', results, 'total_results', 7, 'warning', []];
    expect(parseFound([7, ...list])).toEqual({ total: 7, members });
    expect(parseFound(map)).toEqual({ total: 7, members });
  });

  it('can be empty', () => {
    expect(parseFound([0])).toEqual({ total: 0, members: [] });
    expect(parseFound(['total_results', 0, 'results', []])).toEqual({ total: 0, members: [] });
  });
});

describe('pages of names from an index that only has offsets', () => {
  const all = Array.from({ length: 100 }, (_, i) => memberOf(`n${String(i).padStart(3, '0')}`, `p${i}`));
  const after = all[39] ?? '';
  let searches = 0;

  /** Answers like Redis Search with these names. */
  const documentsOf = (names: readonly string[]) => {
    searches = 0;
    const call = async (_command: string, ...args: string[]) => {
      searches += 1;
      const [offset, length] = args.slice(args.indexOf('LIMIT') + 1).map(Number);
      const page = [...names].sort(byBytes).slice(offset, (offset ?? 0) + (length ?? 0));
      return [names.length, ...page.flatMap(member => ['key', ['order', hex(member)]])];
    };
    return new JsonDocuments({ call } as unknown as RedisClient, 'ql');
  };
  const names = (documents: JsonDocuments, from: string, seen: number) =>
    documents.names([{ keys, state }], 'n', from, seen, 10);

  it('take one search each when read in order', async () => {
    const documents = documentsOf(all);
    expect(await names(documents, '', 0)).toEqual(all.slice(0, 10));
    expect(await names(documents, after, 40)).toEqual(all.slice(40, 50));
    expect(await names(documents, all[94] ?? '', 95)).toEqual(all.slice(95));
    expect(await names(documents, all[99] ?? '', 100)).toEqual([]);
    expect(searches).toBe(4);
  });

  it.each([
    ['went before it', all.slice(7)],
    ['went, it among them', all.filter(name => name !== after)],
    ['went, all of those before it', all.slice(40)],
    ['came before it', [...Array.from({ length: 50 }, (_, i) => memberOf('n0', `q${i}`)), ...all]],
  ])('go on at the same place when names %s', async (_, now) => {
    expect(await names(documentsOf(now), after, 40)).toEqual(all.slice(40, 50));
  });

  it.each([0, 1, 99, 999_999])(
    'go on at the same place, soon, whatever number a cursor claims: %d',
    async seen => {
      expect(await names(documentsOf(all), after, seen)).toEqual(all.slice(40, 50));
      expect(searches).toBeLessThan(12);
    },
  );
});
