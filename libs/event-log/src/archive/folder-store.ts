import { randomBytes } from 'node:crypto';
import { type FileHandle, link, mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  ObjectMissingError,
  StoreAccessError,
  StoreFailedError,
  StoreFullError,
  StoreMissingError,
  StoreUrlError,
} from './errors.js';
import type { ArchiveStore, ByteRange, StoredObject } from './store.js';

/** The folder for files that are not complete. A crash leaves them behind. */
const INCOMING = '.incoming';
/** Older incomplete files have no writer any more. */
const ABANDONED_AFTER_MS = 24 * 3_600_000;

/** Keeps objects as files in a folder. */
export class FolderStore implements ArchiveStore {
  private constructor(
    readonly url: string,
    private readonly root: string,
  ) {}

  /** @throws StoreUrlError */
  static open(url: URL): FolderStore {
    try {
      return new FolderStore(url.href, resolve(fileURLToPath(url)));
    } catch (error) {
      throw new StoreUrlError(`ARCHIVE_URL: ${(error as Error).message}, expected file:///path/to/folder`);
    }
  }

  /**
   * Writes a file in another folder, and then links it to its name. A link fails where the name exists, and a crash leaves
   * nothing under the name.
   */
  async put(name: string, bytes: Uint8Array): Promise<'created' | 'exists'> {
    return this.run('write', name, async () => {
      const path = this.pathOf(name);
      const temporary = join(this.root, INCOMING, randomBytes(12).toString('hex'));
      await this.makeRoot();
      await this.makeFolder(dirname(temporary));
      await this.makeFolder(dirname(path));
      try {
        const file = await open(temporary, 'wx');
        await finishing(file, async () => {
          await file.writeFile(bytes);
          await file.sync();
        });
        await link(temporary, path);
      } catch (error) {
        if (codeOf(error) === 'EEXIST') return 'exists';
        throw error;
      } finally {
        await rm(temporary, { force: true });
      }
      for (let folder = dirname(path); folder.length >= this.root.length; folder = dirname(folder))
        await syncFolder(folder);
      return 'created';
    });
  }

  async get(name: string, range?: ByteRange): Promise<Buffer> {
    return this.run('read', name, async () => {
      const file = await open(this.pathOf(name));
      return finishing(file, async () => {
        if (!range) return file.readFile();
        const { offset, length } = range;
        const bytes = Buffer.alloc(length);
        let filled = 0;
        for (let read = 1; read > 0 && filled < length; filled += read)
          ({ bytesRead: read } = await file.read(bytes, filled, length - filled, offset + filled));
        return bytes.subarray(0, filled);
      });
    });
  }

  async *list(prefix: string): AsyncGenerator<StoredObject, void> {
    const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1);
    for (const name of await this.namesIn(folder)) {
      if (!name.startsWith(prefix)) continue;
      const found = await this.run('list', name, () => stat(this.pathOf(name))).catch(ignoreMissing);
      if (found) yield { name, bytes: found.size, writtenAt: found.mtimeMs };
    }
  }

  async delete(name: string): Promise<void> {
    await this.run('delete', name, async () => {
      const path = this.pathOf(name);
      await rm(path);
      await syncFolder(dirname(path));
    }).catch(ignoreMissing);
  }

  /** Deletes incomplete files that a crash left behind. */
  async deleteAbandoned(now = Date.now()): Promise<void> {
    const folder = join(this.root, INCOMING);
    await this.run('delete', INCOMING, async () => {
      for (const name of await readdir(folder)) {
        const { mtimeMs } = await stat(join(folder, name));
        if (now - mtimeMs > ABANDONED_AFTER_MS) await rm(join(folder, name), { force: true });
      }
    }).catch(ignoreMissing);
  }

  close(): void {}

  /** The names of all objects in a folder and the folders in it. */
  private async namesIn(folder: string): Promise<string[]> {
    return this.run('list', folder, async () => {
      const entries = await readdir(join(this.root, folder), { withFileTypes: true, recursive: true });
      return entries
        .filter(entry => entry.isFile())
        .map(entry => join(entry.parentPath, entry.name).slice(this.root.length).replaceAll(sep, '/'))
        .map(name => name.replace(/^\//, ''))
        .filter(name => !name.startsWith(`${INCOMING}/`));
    }).catch(error => ignoreMissing(error) ?? []);
  }

  /** @throws RangeError when the name leads out of the folder */
  private pathOf(name: string): string {
    const path = resolve(this.root, name);
    if (path.startsWith(this.root + sep)) return path;
    throw new RangeError(`"${name}" is not the name of an object`);
  }

  /** Creates a folder below the root. A recursive `mkdir` never returns if a parent reports ENOENT, as /proc does. */
  private async makeFolder(folder: string): Promise<void> {
    let path = this.root;
    for (const part of relative(this.root, folder).split(sep)) {
      path = join(path, part);
      await mkdir(path).catch(error => {
        if (codeOf(error) !== 'EEXIST') throw error;
      });
    }
  }

  /** Only in a folder that exists: a disk that is not mounted must not become a folder on another disk. */
  private async makeRoot(): Promise<void> {
    try {
      await mkdir(this.root);
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return;
      throw error;
    }
    await syncFolder(dirname(this.root));
  }

  private async run<T>(operation: string, name: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw await this.typed(error, operation, name);
    }
  }

  private async typed(error: unknown, operation: string, name: string): Promise<unknown> {
    const code = codeOf(error);
    if (code === undefined) return error;
    const { message } = error as Error;
    if (code === 'ENOSPC' || code === 'EDQUOT') return new StoreFullError(this.url, message);
    if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS')
      return new StoreAccessError(this.url, operation, message);
    if (code !== 'ENOENT' && code !== 'ENOTDIR') return new StoreFailedError(this.url, operation, message);
    const hasRoot = await stat(this.root).then(
      () => true,
      () => false,
    );
    return hasRoot && operation !== 'write'
      ? new ObjectMissingError(this.url, name)
      : new StoreMissingError(this.url, message);
  }
}

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

async function finishing<T>(file: FileHandle, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } finally {
    await file.close();
  }
}

/** Makes the names in a folder durable. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path);
  await finishing(folder, () => folder.sync());
}

function ignoreMissing(error: unknown): undefined {
  if (!(error instanceof ObjectMissingError)) throw error;
}
