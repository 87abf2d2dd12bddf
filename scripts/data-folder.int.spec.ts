import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataFolder } from './data-folder.js';

describe('the generated keys', () => {
  let path: string;
  beforeEach(() => {
    path = mkdtempSync(join(tmpdir(), 'questlog-keys-'));
  });
  afterEach(() => rmSync(path, { recursive: true }));
  const file = () => join(path, 'keys.json');

  it('stay the same, for the eyes of their owner', () => {
    const keys = new DataFolder(path).keys();
    expect(new DataFolder(path).keys()).toEqual(keys);
    expect(readdirSync(path)).toEqual(['keys.json']);
    expect(statSync(file()).mode & 0o777).toBe(0o600);
  });

  it('are made anew where a full disk left an empty file', () => {
    writeFileSync(file(), '');
    const keys = new DataFolder(path).keys();
    expect(keys.server).toHaveLength(32);
    expect(new DataFolder(path).keys()).toEqual(keys);
  });

  it.each(['{"server":"abc', '{}', 'null'])(
    'are not replaced where the file holds %s: it says what to do',
    text => {
      writeFileSync(file(), text);
      expect(() => new DataFolder(path).keys()).toThrow(`${file()} does not hold the keys any more`);
    },
  );
});
