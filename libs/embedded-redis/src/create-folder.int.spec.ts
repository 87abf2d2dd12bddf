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
import { createFolder } from './create-folder.js';

describe('createFolder', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'questlog-folder-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('creates missing parents too, accessible only by their owner', () => {
    const path = join(folder, 'a/b/c');
    createFolder(path);
    createFolder(path);
    for (const made of [path, join(folder, 'a')]) expect(statSync(made).mode & 0o777).toBe(0o700);
  });

  it('follows a link to a folder', () => {
    symlinkSync(folder, join(folder, 'link'));
    createFolder(join(folder, 'link/a'));
    expect(statSync(join(folder, 'a')).isDirectory()).toBe(true);
  });

  it.each(['/proc/q', '/proc/q/r', '/dev/null', '/dev/null/data', '/proc/self/fd/q'])(
    'rejects %s at once',
    path => {
      expect(() => createFolder(path)).toThrow(
        expect.objectContaining({ code: expect.stringMatching(/^E/) }),
      );
    },
  );

  it('rejects a file and a broken link', () => {
    writeFileSync(join(folder, 'file'), '');
    symlinkSync(join(folder, 'nowhere'), join(folder, 'link'));
    for (const name of ['file', 'file/a', 'link', 'link/a'])
      expect(() => createFolder(join(folder, name))).toThrow(/^E(EXIST|NOTDIR|NOENT)/);
  });

  it('is used everywhere instead of recursive mkdir', () => {
    const sources = ['apps', 'libs', 'scripts'].flatMap(top =>
      readdirSync(top, { recursive: true, encoding: 'utf8' })
        .filter(name => name.endsWith('.ts') && !name.endsWith('.spec.ts'))
        .map(name => join(top, name)),
    );
    expect(sources.filter(path => /mkdir\w*\([^;]*recursive/.test(readFileSync(path, 'utf8')))).toEqual([]);
  });
});
