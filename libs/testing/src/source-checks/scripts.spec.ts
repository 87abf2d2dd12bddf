import { globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';

const scripts = globSync('{libs/*,apps/*}/src/lua/*.lua')
  .filter(path => !path.endsWith('.inc.lua'))
  .map(path => ({ file: basename(path), text: readFileSync(path, 'utf8') }));
const numbers = (text: string, name: string) =>
  new Set([...text.matchAll(new RegExp(`${name}\\[(\\d+)\\]`, 'g'))].map(([, n]) => Number(n)));

/** Commands whose answer, or whose work, is as long as what they are asked about. */
const UNLIMITED =
  /'(KEYS|SMEMBERS|HGETALL|HKEYS|HVALS|LRANGE|SORT|SUNION|SINTER|SDIFF|ZUNION|XTRIM|PUBSUB)'/g;
/** Dead letters, heads of one player, and players who are being erased. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  'append.lua': ['HGETALL'],
  'count-usage.lua': ['HGETALL'],
  'drop-dead-letter.lua': ['HVALS'],
  'look-at-log.lua': ['HGETALL'],
  'probe.lua': ['HGETALL', 'HKEYS'],
  'retry-dead-letter.lua': ['HVALS'],
  'switch.lua': ['HKEYS'],
};

describe.each(scripts)('$file', ({ file, text }) => {
  const header = text
    .split('\n')
    .filter(line => line.startsWith('-- '))
    .join('\n');
  const body = text
    .split('\n')
    .filter(line => !line.trimStart().startsWith('--'))
    .join('\n');

  it('is run with the checks that a shebang asks for', () => {
    expect(text).toMatch(/^#!lua( flags=no-writes)?\n/);
  });

  it.each(['Returns', 'Atomic', 'Twice'])('says "%s" in its header', word => {
    expect(header).toMatch(new RegExp(`^-- ${word}\\s`, 'm'));
  });

  it('says what it costs at most, in steps and for how many things', () => {
    expect(header).toMatch(/^-- Cost: O\(/m);
    const [, cost = ''] = /^-- Cost: ([\s\S]*?)\n-- [A-Z]\w*\s/m.exec(header) ?? [];
    // What is not the same each time has a bound: a number, or what else limits it.
    if (!/^O\(1\)$/.test(cost.trim())) expect(cost).toMatch(/\d|one|two|three|some|bytes|which/);
  });

  it('asks Redis for no list whose length nobody limits, unless its header says why it may', () => {
    const unlimited = [...body.matchAll(UNLIMITED)].map(([, command = '']) => command);
    expect([...new Set(unlimited)].sort()).toEqual(ALLOWED[file] ?? []);
  });

  it.each(['KEYS', 'ARGV'])('describes exactly the %s that it uses', name => {
    const described = new Set(
      [...header.matchAll(new RegExp(`^-- ${name}\\[(\\d+)\\]`, 'gm'))].map(([, n]) => Number(n)),
    );
    expect(numbers(body, name)).toEqual(described);
  });

  it('names every error code that it answers', () => {
    // Commands are one word each, codes are several.
    for (const [, code] of body.matchAll(/'([A-Z]+(?:_[A-Z]+)+)\b/g)) expect(header).toContain(code);
  });
});

it('finds the scripts', () => {
  expect(scripts.length).toBeGreaterThan(45);
});
