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

  it('stay the same and are readable only by their owner', () => {
    const keys = new DataFolder(path).loadKeys();
    expect(new DataFolder(path).loadKeys()).toEqual(keys);
    expect(readdirSync(path)).toEqual(['keys.json']);
    expect(statSync(file()).mode & 0o777).toBe(0o600);
  });

  it('are generated again when a full disk left an empty file', () => {
    writeFileSync(file(), '');
    const keys = new DataFolder(path).loadKeys();
    expect(keys.server).toHaveLength(32);
    expect(new DataFolder(path).loadKeys()).toEqual(keys);
  });

  it('report the setting and the cause when they cannot be written, such as on a full disk', () => {
    symlinkSync('/dev/full', `${file()}.new`);
    expect(() => new DataFolder(path).loadKeys()).toThrow(
      `DATA_DIR=${path}: the data folder cannot be written (ENOSPC`,
    );
  });

  it('report what to do when they cannot be read', () => {
    mkdirSync(file());
    expect(() => new DataFolder(path).loadKeys()).toThrow(`${file()} cannot be read (EISDIR`);
  });

  it.each(['{"server":"abc', '{}', 'null'])(
    'are not replaced when the file contains %s; the error says what to do',
    text => {
      writeFileSync(file(), text);
      expect(() => new DataFolder(path).loadKeys()).toThrow(`${file()} does not contain the keys`);
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
  const take = async () => new DataFolder(path).acquireLock(await freePort());

  it('is valid while its Redis is frozen or loading', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    isHeldBy(process.pid, (silent.address() as AddressInfo).port);
    await expect(take()).rejects.toThrow('is in use by another');
    await new Promise(done => silent.close(done));
  });

  it('is valid while its process is alive, even without Redis', async () => {
    await take();
    await expect(take()).rejects.toThrow('is in use by another');
  });

  it('is invalid when its process is dead, even if another process has the same id', async () => {
    isHeldBy(process.pid, await freePort());
    await take();
    const child = spawn('true');
    await once(child, 'exit');
    isHeldBy(child.pid, await freePort());
    await take();
  });
});
