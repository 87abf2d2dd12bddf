import { randomBytes } from 'node:crypto';
import { StoreChecksumError, StoreFailedError } from './errors.js';
import { FolderStore } from './folder-store.js';
import type { ArchiveStore } from './store.js';

/**
 * Writes, reads, lists, and deletes a small object, so that a wrong setting or a missing right shows at the start and not when the
 * first segment is written.
 *
 * @throws StoreMissingError, StoreAccessError, StoreClockError, StoreChecksumError, StoreFullError, StoreUnreachableError,
 * StoreFailedError
 */
export async function probeStore(store: ArchiveStore): Promise<void> {
  const name = `probe-${randomBytes(12).toString('hex')}`;
  const content = randomBytes(64);
  await store.put(name, content);
  try {
    if (store instanceof FolderStore) await store.deleteAbandoned();
    if (!(await store.get(name)).equals(content))
      throw new StoreChecksumError(store.url, 'it returned other bytes than were written');
    const part = await store.get(name, { offset: 16, length: 16 });
    if (!part.equals(content.subarray(16, 32)))
      throw new StoreFailedError(
        store.url,
        'read',
        'it returned other bytes than the range that was asked for',
      );
    let listedBytes: number | undefined;
    for await (const { bytes } of store.list(name)) listedBytes = bytes;
    if (listedBytes !== content.length)
      throw new StoreFailedError(
        store.url,
        'list',
        'an object that was just written is missing or has another size',
      );
  } finally {
    await store.delete(name);
  }
}
