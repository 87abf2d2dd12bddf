import { readdirSync, readFileSync } from 'node:fs';

const folder = new URL('./scripts/', import.meta.url);
const scripts = readdirSync(folder).map(file => ({
  file,
  text: readFileSync(new URL(file, folder), 'utf8'),
}));
const numbers = (text: string, name: string) =>
  new Set([...text.matchAll(new RegExp(`${name}\\[(\\d+)\\]`, 'g'))].map(([, n]) => Number(n)));

describe.each(scripts)('$file', ({ text }) => {
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
