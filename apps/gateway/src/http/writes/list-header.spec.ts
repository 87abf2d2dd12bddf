import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { elementsOf } from './list-header.js';

describe('a header that is a list', () => {
  it.each([
    [undefined, []],
    ['', []],
    [' ,,\t, ', []],
    ['a', ['a']],
    [',a,, b c ,', ['a', 'b c']],
    [
      ['a,', 'b'],
      ['a', 'b'],
    ],
  ])('%j has the elements %j', (header, elements) => {
    expect(elementsOf(header)).toEqual(elements);
  });

  it('is read here and nowhere else: what is cut by hand keeps its empty elements', () => {
    const folder = 'apps/gateway/src';
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
      name => name.endsWith('.ts') && !name.endsWith('.spec.ts'),
    );
    const cutting = files.filter(name =>
      /\.split\((['"],['"]|\/[^/]*,)/.test(readFileSync(join(folder, name), 'utf8')),
    );
    expect(cutting).toEqual([join('http', 'writes', 'list-header.ts')]);
  });
});
