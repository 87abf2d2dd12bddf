import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '#libs/embedded-redis';
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

  it('name the setting and the cause where they cannot be written, as on a full disk', () => {
    symlinkSync('/dev/full', `${file()}.new`);
    expect(() => new DataFolder(path).keys()).toThrow(
      `DATA_DIR=${path}: the data folder cannot be written (ENOSPC`,
    );
  });

  it('say what to do where they cannot be read', () => {
    mkdirSync(file());
    expect(() => new DataFolder(path).keys()).toThrow(`${file()} cannot be read (EISDIR`);
  });

  it.each(['{"server":"abc', '{}', 'null'])(
    'are not replaced where the file holds %s: it says what to do',
    text => {
      writeFileSync(file(), text);
      expect(() => new DataFolder(path).keys()).toThrow(`${file()} does not hold the keys any more`);
    },
  );
});

describe('the lock of a data folder', () => {
  let path: string;
  beforeEach(() => {
    path = mkdtempSync(join(tmpdir(), 'questlog-lock-'));
  });
  afterEach(() => rmSync(path, { recursive: true }));
  const isHeldBy = (pid: number | undefined, port: number) =>
    writeFileSync(join(path, 'lock.json'), JSON.stringify({ pid, port }));
  const take = async () => new DataFolder(path).take(await freePort());

  it('holds while its Redis is silent: frozen, or loading', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    isHeldBy(process.pid, (silent.address() as AddressInfo).port);
    await expect(take()).rejects.toThrow('is in use by another');
    await new Promise(done => silent.close(done));
  });

  it('holds while its Redis is away, for as long as its process lives', async () => {
    await take();
    await expect(take()).rejects.toThrow('is in use by another');
  });

  it('is void when another process has its id by now, and when there is none', async () => {
    isHeldBy(process.pid, await freePort());
    await take();
    const child = spawn('true');
    await once(child, 'exit');
    isHeldBy(child.pid, await freePort());
    await take();
  });
});
