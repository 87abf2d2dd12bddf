import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { S3Server } from '#libs/testing';
import { ObjectMissingError, StoreAccessError, StoreMissingError, StoreUrlError } from './errors.js';
import { openStore } from './open-store.js';
import { probeStore } from './probe-store.js';
import type { ArchiveStore } from './store.js';

const server = await S3Server.start('an archive store in S3');
const folder = mkdtempSync(join(tmpdir(), 'questlog-store-'));
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await server?.stop();
});

const stores: [name: string, url: () => Promise<string>][] = [
  ['in a folder', async () => pathToFileURL(mkdtempSync(join(folder, 'store-'))).href],
  ['in a folder with a space, not yet made', async () => pathToFileURL(join(folder, 'my archive')).href],
  ...(server ? [['in S3', () => server.createBucket()] satisfies [string, () => Promise<string>]] : []),
];

describe.each(stores)('an archive store %s', (_, createUrl) => {
  let store: ArchiveStore;
  beforeAll(async () => {
    store = await openStore(await createUrl());
  });
  afterAll(() => store.close());

  const names = async (prefix: string) => {
    const found: string[] = [];
    for await (const { name } of store.list(prefix)) found.push(name);
    return found.sort();
  };

  it('passes the probe, which leaves nothing behind', async () => {
    await probeStore(store);
    expect(await names('')).toEqual([]);
  });

  it('returns an object, and ranges of it', async () => {
    expect(await store.put('scores-0/1-0_2-0-abc.parquet', Buffer.from('0123456789'))).toBe('created');
    expect((await store.get('scores-0/1-0_2-0-abc.parquet')).toString()).toBe('0123456789');
    const range = (offset: number, length: number) =>
      store.get('scores-0/1-0_2-0-abc.parquet', { offset, length }).then(String);
    expect(await range(0, 1)).toBe('0');
    expect(await range(3, 4)).toBe('3456');
    expect(await range(8, 4)).toBe('89');
  });

  it('holds objects of many megabytes', async () => {
    const bytes = Buffer.alloc(20 * 1024 * 1024, 'questlog');
    await store.put('large', bytes);
    expect((await store.get('large')).equals(bytes)).toBe(true);
    await store.delete('large');
  });

  it('never replaces an object', async () => {
    expect(await store.put('kept', Buffer.from('first'))).toBe('created');
    expect(await store.put('kept', Buffer.from('second'))).toBe('exists');
    expect((await store.get('kept')).toString()).toBe('first');
  });

  it('lets one of many writers of the same name create the object', async () => {
    const writers = Array.from({ length: 8 }, (_, i) => Buffer.alloc(100_000, `writer ${i}`));
    const answers = await Promise.all(writers.map(bytes => store.put('contested', bytes)));
    expect(answers.filter(answer => answer === 'created')).toHaveLength(1);
    const winner = writers[answers.indexOf('created')];
    expect((await store.get('contested')).equals(winner ?? Buffer.of())).toBe(true);
  });

  it('lists the objects with a prefix, more than a page of them', async () => {
    const many = Array.from({ length: 1_100 }, (_, i) => `many/part-${i}`);
    for (let i = 0; i < many.length; i += 50)
      await Promise.all(many.slice(i, i + 50).map(name => store.put(name, Buffer.from(name))));
    expect(await names('many/')).toEqual([...many].sort());
    expect(await names('many/part-109')).toHaveLength(11);
    expect(await names('none')).toEqual([]);
    for await (const { name, bytes, writtenAt } of store.list('many/part-1099')) {
      expect(bytes).toBe(name.length);
      expect(Math.abs(Date.now() - writtenAt)).toBeLessThan(120_000);
    }
  });

  it('deletes an object, and does not mind when there is none', async () => {
    await store.put('gone', Buffer.from('x'));
    await store.delete('gone');
    await store.delete('gone');
    await store.delete('no/such/object');
    await expect(store.get('gone')).rejects.toThrow(ObjectMissingError);
    await expect(store.get('gone', { offset: 0, length: 1 })).rejects.toThrow(/"gone"/);
    expect(await store.put('gone', Buffer.from('y'))).toBe('created');
  });
});

describe('the URL of an archive store', () => {
  it.each([
    'archive',
    'http://bucket/prefix',
    'file://host/path',
    's3:///prefix',
    's3://bucket/prefix?pathstyle=true',
    's3://key:secret@bucket/prefix',
    's3://bucket/prefix?endpoint=http://key:secret@host',
    's3://bucket/prefix?endpoint=http%3A%2F%2Fkey%3Asecret%40host',
  ])('is refused: %s', async url => {
    await expect(openStore(url)).rejects.toThrow(StoreUrlError);
    await expect(openStore(url)).rejects.not.toThrow(/secret@/);
  });
});

describe('the probe of a folder', () => {
  const probe = async (path: string) => probeStore(await openStore(pathToFileURL(path).href));

  it('reports a folder whose parent does not exist', async () => {
    await expect(probe(join(folder, 'not/mounted'))).rejects.toThrow(StoreMissingError);
    await expect(probe(join(folder, 'not/mounted'))).rejects.toThrow('/not/mounted');
  });

  it('reports a file in the place of the folder', async () => {
    writeFileSync(join(folder, 'file'), '');
    await expect(probe(join(folder, 'file'))).rejects.toThrow(StoreMissingError);
  });

  it('follows a link to the folder', async () => {
    mkdirSync(join(folder, 'target'));
    symlinkSync(join(folder, 'target'), join(folder, 'linked'));
    await probe(join(folder, 'linked'));
  });

  it('does not leave the folder, whatever an object is called', async () => {
    const store = await openStore(pathToFileURL(join(folder, 'target')).href);
    for (const name of ['../file', 'a/../../file', '/etc/hostname', '..', ''])
      await expect(store.get(name)).rejects.toThrow(RangeError);
  });
});

(server ? describe : describe.skip)('the probe of S3', () => {
  const url = (bucket: string) => server?.url(bucket) ?? '';

  it('reports a bucket that does not exist', async () => {
    const store = await openStore(url('no-such-bucket'));
    await expect(probeStore(store)).rejects.toThrow(StoreMissingError);
    store.close();
  });

  it('reports wrong credentials, and does not show them', async () => {
    const bucket = await server?.createBucket();
    const store = await openStore(bucket ?? '');
    const error = await server?.withSecret('hunter2', () => probeStore(store).catch(error => error));
    expect(error).toBeInstanceOf(StoreAccessError);
    expect(error.message).toMatch(/^s3:.* refuses to write \(SignatureDoesNotMatch/);
    expect(error.message).not.toContain('hunter2');
    store.close();
  });
});
