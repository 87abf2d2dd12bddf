import { StoreUrlError } from './errors.js';
import { FolderStore } from './folder-store.js';
import type { ArchiveStore } from './store.js';

const FORMS = 'file:///path/to/folder or s3://bucket/prefix';

/**
 * Opens the store of `ARCHIVE_URL`. Nothing is read or written yet; `probeStore` does that.
 *
 * @param url `file:///path` or `s3://bucket[/prefix][?endpoint=…&region=…&pathStyle=true]`
 * @throws StoreUrlError
 */
export async function openStore(url: string): Promise<ArchiveStore> {
  const parsed = parseUrl(url);
  if (parsed.protocol === 'file:') return FolderStore.open(parsed);
  if (parsed.protocol !== 's3:')
    throw new StoreUrlError(`ARCHIVE_URL begins with "${parsed.protocol}", expected ${FORMS}`);
  // The SDK takes a quarter of a second to load, so it is loaded only where S3 is used.
  const { S3Store } = await import('./s3-store.js');
  return S3Store.open(parsed);
}

/** The error does not show the text: it may contain credentials. */
function parseUrl(url: string): URL {
  const parsed = URL.parse(url);
  if (!parsed) throw new StoreUrlError(`ARCHIVE_URL is not a URL, expected ${FORMS}`);
  // The endpoint in the parameters could have credentials, too.
  if (parsed.protocol === 's3:' && /@|%40/.test(parsed.href))
    throw new StoreUrlError(
      'ARCHIVE_URL has credentials: remove them, and set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY instead',
    );
  return parsed;
}
