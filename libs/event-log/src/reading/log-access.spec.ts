import { globSync, readFileSync } from 'node:fs';

/** The commands that read or delete entries by id. Consumer groups read by XREADGROUP and XAUTOCLAIM. */
const COMMANDS = /\b(xrange|xrevrange|xread|xdel|xtrim|xlen)\b/i;

/** Everything else must use `PartitionLog`, which also reads the archive. */
const ALLOWED: Readonly<Record<string, string>> = {
  'libs/event-log/src/reading/partition-log.ts': 'is the one reader of the log',
  'libs/event-log/src/reading/stream-page.ts': 'reads a page of the tail for PartitionLog',
  'libs/event-log/src/reading/newest-first.ts': 'reads streams that are not part of the log',
  'libs/event-log/src/lua/read-page.lua': 'refuses to read below the floor',
  'libs/event-log/src/lua/read-head.lua': 'returns the id, with which PartitionLog reads an archived event',
  'libs/event-log/src/lua/look-at-log.lua': 'counts what is in the tail',
  'libs/event-log/src/lua/applied.lua': 'reads events of unfinished erasures, which stay in the tail',
  'libs/event-log/src/lua/count-usage.lua':
    'reads the size of current saves that were written before sizes were stored',
  'libs/maintenance/src/lua/erase-events.lua': 'deletes from the tail',
  'libs/streams-transport/src/lua/open-group.lua': 'compares the first entry of the tail with the ledger',
  'libs/streams-transport/src/lua/count-behind.lua':
    'counts entries that a group has not read, which stay in the tail',
  'libs/streams-transport/src/lua/retry-dead-letter.lua':
    'reads a dead letter, and whether its event is in the tail',
  'libs/streams-transport/src/lua/drop-dead-letter.lua': 'reads a dead letter',
  'libs/maintenance/src/lua/finish-partition.lua': 'counts the entries of a new partition',
  'libs/maintenance/src/repartition/preflight.ts': 'counts dead letters',
};

const code = (path: string) =>
  readFileSync(path, 'utf8')
    .replace(path.endsWith('.lua') ? /--.*$/gm : /\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')
    .trim();

const sources = globSync('{apps,libs,scripts}/**/*.{ts,lua}').filter(
  path => !/\.spec\.|\/test-[^/]+$/.test(path) && !path.startsWith('libs/testing/'),
);

describe('access to the log', () => {
  it('finds the sources', () => {
    expect(sources.length).toBeGreaterThan(300);
  });

  it('goes through PartitionLog', () => {
    const found = sources.filter(path => COMMANDS.test(code(path)));
    expect(found.filter(path => !(path in ALLOWED))).toEqual([]);
  });

  it.each(Object.keys(ALLOWED))('allows %s, which still needs it', path => {
    expect(code(path)).toMatch(COMMANDS);
  });
});
