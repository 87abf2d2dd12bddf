import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeFolder } from './make-folder.js';

describe('making a folder', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'questlog-folder-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('makes those above it, too, for their owner alone', () => {
    const path = join(folder, 'a/b/c');
    makeFolder(path);
    makeFolder(path);
    for (const made of [path, join(folder, 'a')]) expect(statSync(made).mode & 0o777).toBe(0o700);
  });

  it('takes a link to a folder for one', () => {
    symlinkSync(folder, join(folder, 'link'));
    makeFolder(join(folder, 'link/a'));
    expect(statSync(join(folder, 'a')).isDirectory()).toBe(true);
  });

  it.each(['/proc/q', '/proc/q/r', '/dev/null', '/dev/null/data', '/proc/self/fd/q'])(
    'refuses %s at once',
    path => {
      expect(() => makeFolder(path)).toThrow(expect.objectContaining({ code: expect.stringMatching(/^E/) }));
    },
  );

  it('refuses a file, and a link that leads nowhere', () => {
    writeFileSync(join(folder, 'file'), '');
    symlinkSync(join(folder, 'nowhere'), join(folder, 'link'));
    for (const name of ['file', 'file/a', 'link', 'link/a'])
      expect(() => makeFolder(join(folder, name))).toThrow(/^E(EXIST|NOTDIR|NOENT)/);
  });

  it('is left to Node nowhere', () => {
    const sources = ['apps', 'libs', 'scripts'].flatMap(top =>
      readdirSync(top, { recursive: true, encoding: 'utf8' })
        .filter(name => name.endsWith('.ts') && !name.endsWith('.spec.ts'))
        .map(name => join(top, name)),
    );
    expect(sources.filter(path => /mkdir\w*\([^;]*recursive/.test(readFileSync(path, 'utf8')))).toEqual([]);
  });
});
