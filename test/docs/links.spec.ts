import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const PAGES = globSync(['*.md', '{docs,deploy,test,benchmarks}/**/*.md']);
/** Pages longer than this begin with a table of contents. */
const LINES_WITHOUT_CONTENTS = 200;

const textOf = (page: string) => readFileSync(page, 'utf8').replace(/^```[\s\S]*?^```$/gm, '');

/** The anchors that GitHub makes of a page's headings. */
function anchorsOf(page: string): Set<string> {
  const headings = textOf(page).matchAll(/^#+ (.+)$/gm);
  return new Set(
    Array.from(headings, ([, heading = '']) =>
      heading
        .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
        .toLowerCase()
        .replace(/[^\p{L}\p{N}_ -]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

function brokenLinks(page: string): string[] {
  const links = Array.from(textOf(page).matchAll(/\]\(([^)\s]+)\)/g), ([, link = '']) => link);
  return links.filter(link => {
    if (/^[a-z]+:/.test(link)) return false;
    const [path = '', anchor] = link.split('#');
    const target = path === '' ? page : join(dirname(page), path);
    return (
      !existsSync(target) ||
      (anchor !== undefined && target.endsWith('.md') && !anchorsOf(target).has(anchor))
    );
  });
}

/** File names in the "file by file" tables: `scores.service.ts`, `append/{event-log,append-queue}.ts`. */
function sourceFilesIn(text: string): string[] {
  const rows = text.split('\n').filter(line => line.startsWith('| '));
  const names = rows.flatMap(row =>
    Array.from(row.matchAll(/`([\w./{},-]+\.(?:ts|lua))`/g), ([, name = '']) => name),
  );
  return names.flatMap(name => {
    const [, before = '', choices = '', after = ''] = /^(.*)\{(.+)\}(.*)$/.exec(name) ?? [];
    return choices === '' ? [name] : choices.split(',').map(choice => before + choice + after);
  });
}

describe('the pages', () => {
  it.each(PAGES)('%s: every link leads somewhere', page => {
    expect(brokenLinks(page)).toEqual([]);
  });

  it.each(PAGES)('%s: a long page has a table of contents', page => {
    const lines = readFileSync(page, 'utf8').split('\n');
    if (lines.length <= LINES_WITHOUT_CONTENTS || page === 'CHANGELOG.md') return;
    expect(lines.slice(0, 40).join('\n').match(/\]\(#/g)?.length ?? 0).toBeGreaterThan(3);
  });

  it('docs/architecture.md names source files that exist', () => {
    const sources = globSync('{apps,libs}/**/*.{ts,lua}').map(path => `/${path}`);
    const named = sourceFilesIn(textOf('docs/architecture.md'));
    expect(named.length).toBeGreaterThan(40);
    expect(named.filter(name => !sources.some(path => path.endsWith(`/${name}`)))).toEqual([]);
  });
});
