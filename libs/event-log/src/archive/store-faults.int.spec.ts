import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { eventually, S3Server } from '#libs/testing';
import {
  StoreAccessError,
  StoreChecksumError,
  StoreClockError,
  StoreFailedError,
  StoreFullError,
  StoreMissingError,
  StoreUnreachableError,
} from './errors.js';
import { openStore } from './open-store.js';
import { probeStore } from './probe-store.js';
import { S3Store } from './s3-store.js';

const MIB = 1024 * 1024;
const root = mkdtempSync(join(tmpdir(), 'questlog-faults-'));
const server = await S3Server.start('an S3 store behind a connection that fails');
afterAll(async () => {
  rmSync(root, { recursive: true });
  await server?.stop();
});

describe('a folder store', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(root, 'store-'));
  });

  it('has complete objects only, whenever its writer is killed', async () => {
    // Writes objects of 8 MiB as the store does, by the store's own code.
    const program = `
      import { openStore } from '#libs/event-log';
      const store = await openStore(process.argv[1]);
      for (let i = 0; ; i++) {
        process.stdout.write('.');
        await store.put('part/' + i, Buffer.alloc(${8 * MIB}, i));
      }`;
    for (let kill = 0; kill < 5; kill++) {
      const url = pathToFileURL(mkdtempSync(join(folder, 'killed-'))).href;
      const writer = spawn(process.execPath, ['--input-type=module', '-e', program, url], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await once(writer.stdout, 'data');
      const store = await openStore(url);
      await new Promise(resolve => setTimeout(resolve, 20 + 17 * kill));
      writer.kill('SIGKILL');
      await once(writer, 'exit');
      for await (const { name, bytes } of store.list('part/')) {
        expect(bytes).toBe(8 * MIB);
        const complete = Buffer.alloc(8 * MIB, Number(name.slice('part/'.length)));
        expect((await store.get(name)).equals(complete)).toBe(true);
      }
    }
  });

  it('deletes incomplete files of killed writers a day later, and no others', async () => {
    const store = await openStore(pathToFileURL(folder).href);
    const incoming = join(folder, '.incoming');
    mkdirSync(incoming);
    writeFileSync(join(incoming, 'old'), 'x');
    writeFileSync(join(incoming, 'new'), 'x');
    const yesterday = Date.now() / 1_000 - 25 * 3_600;
    utimesSync(join(incoming, 'old'), yesterday, yesterday);
    await probeStore(store);
    expect(readdirSync(incoming)).toEqual(['new']);
  });

  describe('on a disk of its own', () => {
    const disk = join(root, 'disk');
    const mount = (...options: string[]) =>
      spawnSync('mount', [...options, disk], { stdio: 'ignore' }).status === 0;
    const url = pathToFileURL(join(disk, 'archive')).href;
    mkdirSync(disk);
    const canMount = mount('-t', 'tmpfs', '-o', 'size=1m', 'tmpfs');
    if (!canMount)
      process.stderr.write(
        'skipped, as this user cannot mount a disk: "a folder store on a disk of its own"\n',
      );
    const itOnDisk = canMount ? it : it.skip;
    afterAll(() => {
      if (canMount) spawnSync('umount', [disk]);
    });

    itOnDisk('reports a full disk, and leaves no part of the object', async () => {
      const store = await openStore(url);
      await probeStore(store);
      await expect(store.put('large', Buffer.alloc(2 * MIB))).rejects.toThrow(StoreFullError);
      const objects = [];
      for await (const object of store.list('')) objects.push(object);
      expect(objects).toEqual([]);
      expect(readdirSync(join(disk, 'archive/.incoming'))).toEqual([]);
      await probeStore(store);
    });

    itOnDisk('reports a read-only folder', async () => {
      const store = await openStore(url);
      expect(mount('-o', 'remount,ro')).toBe(true);
      await expect(probeStore(store)).rejects.toThrow(StoreAccessError);
      await expect(probeStore(store)).rejects.toThrow('refuses to write (EROFS');
    });
  });
});

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** An HTTP server that answers as it is told. */
async function serve(answer: Answer): Promise<{ url: string; server: Server }> {
  const fake = createServer(answer).listen(0, '127.0.0.1');
  await once(fake, 'listening');
  const { port } = fake.address() as AddressInfo;
  return {
    url: `s3://bucket?endpoint=http://127.0.0.1:${port}&region=eu-west-1&pathStyle=true`,
    server: fake,
  };
}

const FAST = { connectionMs: 300, requestMs: 300, attempts: 2 };
const open = (url: string, timeouts = FAST) => S3Store.open(new URL(url), timeouts);

describe('an S3 store', () => {
  const fakes: Server[] = [];
  beforeAll(() => S3Server.useCredentials());
  afterEach(() => {
    for (const fake of fakes.splice(0)) {
      fake.closeAllConnections();
      fake.close();
    }
  });

  async function storeThatAnswers(answer: Answer): Promise<S3Store> {
    const { url, server: fake } = await serve(answer);
    fakes.push(fake);
    return open(url);
  }

  /** Refuses as S3 does: a status, and a code in XML. */
  const refusal =
    (status: number, code: string): Answer =>
    (request, response) => {
      request.resume().on('end', () => {
        response.writeHead(status, { 'content-type': 'application/xml' });
        response.end(`<Error><Code>${code}</Code><Message>refused for a test</Message></Error>`);
      });
    };

  it.each([
    [403, 'RequestTimeTooSkewed', StoreClockError],
    [403, 'AccessDenied', StoreAccessError],
    [403, 'InvalidAccessKeyId', StoreAccessError],
    [404, 'NoSuchBucket', StoreMissingError],
    [400, 'BadDigest', StoreChecksumError],
    [400, 'XAmzContentChecksumMismatch', StoreChecksumError],
    [507, 'InsufficientStorage', StoreFullError],
    [503, 'SlowDown', StoreUnreachableError],
    [500, 'InternalError', StoreUnreachableError],
    [400, 'EntityTooLarge', StoreFailedError],
    [301, 'PermanentRedirect', StoreFailedError],
  ])('that answers %d %s fails the probe with its own error', async (status, code, errorClass) => {
    const store = await storeThatAnswers(refusal(status, code));
    const error = await probeStore(store).catch(error => error);
    expect(error).toBeInstanceOf(errorClass);
    expect(error.message).toMatch(/^s3:\/\/bucket\?endpoint=/);
    store.close();
  });

  it('that nobody serves is unreachable', async () => {
    const { url, server: fake } = await serve(() => {});
    fake.close();
    await expect(probeStore(open(url))).rejects.toThrow(StoreUnreachableError);
    await expect(probeStore(open(url))).rejects.toThrow('ECONNREFUSED');
    const unknown = open('s3://bucket?endpoint=http://no-such-host.invalid&region=eu-west-1&pathStyle=true');
    await expect(probeStore(unknown)).rejects.toThrow(StoreUnreachableError);
  });

  it('that accepts requests and never answers is given up', async () => {
    const store = await storeThatAnswers(() => {});
    await expect(store.get('x')).rejects.toThrow(StoreUnreachableError);
  });

  it('whose answer stops half-way is given up', async () => {
    const store = await storeThatAnswers((_, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('half');
    });
    await expect(store.get('x')).rejects.toThrow(StoreUnreachableError);
  });

  it('whose answer breaks off is asked again', async () => {
    let requests = 0;
    const store = await storeThatAnswers((_, response) => {
      requests += 1;
      response.writeHead(200, { 'content-length': 4 });
      if (requests > 1) response.end('full');
      else response.write('ha', () => response.destroy());
    });
    expect((await store.get('x')).toString()).toBe('full');
  });

  it.each([
    ['is busy', 503, 'SlowDown'],
    ['writes the same name for somebody else', 409, 'ConditionalRequestConflict'],
  ])('that %s is asked again', async (_, status, code) => {
    let requests = 0;
    const store = await storeThatAnswers((request, response) => {
      requests += 1;
      if (requests === 1) refusal(status, code)(request, response);
      else request.resume().on('end', () => response.end());
    });
    expect(await store.put('x', Buffer.from('x'))).toBe('created');
    expect(requests).toBe(2);
  });

  it('says that an object exists when the write was repeated after a lost answer', async () => {
    const objects = new Set<string>();
    const store = await storeThatAnswers((request, response) => {
      request.resume().on('end', () => {
        const { url = '' } = request;
        if (objects.has(url)) return refusal(412, 'PreconditionFailed')(request, response);
        objects.add(url);
        response.destroy();
      });
    });
    // `request` has ended when the refusal is written.
    expect(await store.put('x', Buffer.from('x')).catch(() => 'exists')).toBe('exists');
  });

  it('whose bytes are not what their checksum says is reported', async () => {
    const store = await storeThatAnswers((_, response) => {
      response.setHeader('x-amz-checksum-crc32', Buffer.from('1234').toString('base64'));
      response.end('damaged');
    });
    await expect(store.get('x')).rejects.toThrow(StoreChecksumError);
  });
});

(server ? describe : describe.skip)('an S3 store behind a connection that fails', () => {
  /** Passes requests on, and cuts the connection after so many bytes of a request. */
  async function cutting(bytes: number): Promise<{ url: (bucket: string) => string; server: Server }> {
    const target = new URL(server?.endpoint ?? '');
    const proxy = createServer((incoming, outgoing) => {
      const { method, url, headers } = incoming;
      const onward = request({ host: target.hostname, port: target.port, method, path: url, headers });
      let passed = 0;
      incoming.on('data', (chunk: Buffer) => {
        passed += chunk.length;
        if (passed > bytes) {
          onward.destroy();
          outgoing.destroy();
        } else onward.write(chunk);
      });
      incoming.on('end', () => onward.end());
      onward.on('response', answer => {
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(outgoing);
      });
      onward.on('error', () => outgoing.destroy());
    }).listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    const { port } = proxy.address() as AddressInfo;
    return {
      url: bucket => bucket.replace(/endpoint=[^&]*/, `endpoint=http://127.0.0.1:${port}`),
      server: proxy,
    };
  }

  it('has no part of an object whose upload breaks off', async () => {
    const bucket = (await server?.createBucket()) ?? '';
    const direct = await openStore(bucket);
    const { url, server: proxy } = await cutting(4 * MIB);
    const store = open(url(bucket), { ...FAST, requestMs: 5_000 });
    expect(await store.put('small', Buffer.alloc(1 * MIB, 1))).toBe('created');
    await expect(store.put('large', Buffer.alloc(8 * MIB, 1))).rejects.toThrow(StoreUnreachableError);
    await eventually(async () => {
      const names = [];
      for await (const { name } of direct.list('')) names.push(name);
      expect(names).toEqual(['small']);
    });
    expect(await direct.put('large', Buffer.alloc(8 * MIB, 2))).toBe('created');
    proxy.closeAllConnections();
    proxy.close();
    store.close();
    direct.close();
  });
});
