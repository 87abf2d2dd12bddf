import { globSync, readFileSync } from 'node:fs';

const sourceOf = (pattern: string) =>
  globSync(pattern)
    .filter(file => !file.endsWith('.spec.ts'))
    .map(file => readFileSync(file, 'utf8'))
    .join('\n');

const findAll = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, found = '']) => found);

/** The types that the gateway names itself, and those that it makes of the codes of errors. */
function declaredTypes(): string[] {
  const gateway = sourceOf('apps/gateway/src/**/*.ts');
  const named = findAll(gateway, /\bcode: '([a-z\d-]+)'/g);
  const [, conflicts = ''] = /const CONFLICTS = \[([^\]]*)\]/.exec(gateway) ?? [];
  const libraries = sourceOf('libs/*/src/**/*.ts');
  const converted = findAll(conflicts, /\b(\w+Error)\b/g).map(name => {
    const [, code] =
      new RegExp(`class ${name} extends Error \\{\\s*readonly code = '(\\w+)'`).exec(libraries) ?? [];
    if (code === undefined) throw new Error(`${name} is listed in CONFLICTS, and its code was not found`);
    return code.toLowerCase().replaceAll('_', '-');
  });
  return [...new Set([...named, ...converted])].sort();
}

describe('docs/errors.md', () => {
  const page = readFileSync('docs/errors.md', 'utf8');

  it('describes every problem type that the gateway answers with, and no other', () => {
    const described = findAll(page, /^### `([a-z\d-]+)`$/gm);
    expect(declaredTypes()).toContain('version-conflict');
    expect([...described].sort()).toEqual(declaredTypes());
  });

  it('lists the described types in its table, in alphabetical order', () => {
    const listed = findAll(page, /^\| \[`([a-z\d-]+)`\]\(#\1\)/gm);
    expect(listed).toEqual(declaredTypes());
  });

  it('shows an example of each type', () => {
    const examples = findAll(page, /"type":"urn:questlog:([a-z\d-]+)"/g);
    expect([...new Set(examples)].sort()).toEqual(declaredTypes());
  });
});
