import { playerSessionsKey } from '#libs/players';
import { stateKeys } from '#libs/projections';
import { generationLabel, playersPrefix } from '#libs/search';
import { PartitionKeys, parsePartitionKey } from './partition-keys.js';

describe('partition keys', () => {
  it('have no epoch in their names in the first log epoch', () => {
    expect(new PartitionKeys('ql', 'scores', 3).stream).toBe('ql:{s3}:log');
  });

  it('have another hash tag in each later log epoch, and still begin with the prefix of the search index', () => {
    const keys = new PartitionKeys('ql', 'players', 3, 2);
    expect(keys.stream).toBe('ql:{p3e2}:log');
    expect(keys.stream.startsWith(playersPrefix('ql'))).toBe(true);
    // Redis Search takes letters and digits for one word.
    expect(generationLabel(stateKeys(keys, 4))).toBe('p3e2g4');
  });

  it.each([1, 2, 13])('can be parsed, in log epoch %i', epoch => {
    const keys = new PartitionKeys('a.b', 'players', 12, epoch);
    const rest = 'sessions:a{s1}:b';
    const name = { initial: 'p', partition: 12, epoch, rest };
    expect(parsePartitionKey('a.b', playerSessionsKey(keys, 'a{s1}:b'))).toEqual(name);
    expect(parsePartitionKey('a-b', playerSessionsKey(keys, 'a{s1}:b'))).toBeUndefined();
  });

  it.each(['ql:session:abc', 'ql:topology', 'ql:{x1}:log', 'ql:{s1f2}:log', 'ql2:{s1}:log'])(
    'do not include %s',
    key => {
      expect(parsePartitionKey('ql', key)).toBeUndefined();
    },
  );
});
