import type { Topology } from '#libs/event-log';
import { type DocumentStoreName, documentStoreOf, type RedisClient, Script } from '#libs/redis';
import { createIndex } from './json-documents.js';
import { saves } from './save.store.js';

/** The documents were built with what this server does not have. */
export class DocumentStoreError extends Error {
  readonly code = 'DOCUMENT_STORE';
  override readonly name = 'DocumentStoreError';

  constructor() {
    super(
      'the player documents were built with RedisJSON and Redis Search, which this server does not have: run `npm run rebuild -- saves`',
    );
  }
}

const chooseDocuments = new Script<DocumentStoreName>('choose-documents');

/**
 * Sees to it that documents can be kept and found. A log without events gets the store that the server can have; a
 * generation that there is stays as it was built.
 *
 * @returns whether a rebuild would change the store
 * @throws DocumentStoreError
 */
export async function prepareDocuments(redis: RedisClient, topology: Topology): Promise<boolean> {
  const possible = await documentStoreOf(redis);
  if (possible === 'json') await createIndex(redis, topology.prefix);
  const chosen = await Promise.all(
    topology
      .all(saves.stream)
      .map(keys => chooseDocuments.run(redis, [keys.stream, keys.live(saves.name)], [possible])),
  );
  if (possible === 'plain' && chosen.includes('json')) throw new DocumentStoreError();
  return chosen.some(store => store !== possible);
}
