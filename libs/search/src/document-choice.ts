import type { Topology } from '#libs/event-log';
import type { DocumentStoreName } from '#libs/projections';
import { isForbidden, isRedisUnavailable, type RedisClient } from '#libs/redis';
import { documentStoreOf } from './document-store.js';
import { tryDocuments } from './document-trial.js';
import { DOCUMENTS_GROUP } from './documents.js';
import { script } from './lua.js';

/** The stored documents need modules that this server does not have. */
export class DocumentStoreError extends Error {
  readonly code = 'DOCUMENT_STORE';
  override readonly name = 'DocumentStoreError';

  constructor() {
    super(
      'the player documents were built with RedisJSON and Redis Search, which this server does not have: run `npm run rebuild -- saves`',
    );
  }
}

const chooseDocuments = script<DocumentStoreName>('choose-documents');

/**
 * Chooses the document store of each partition. A log without events gets the best store that the server offers; an existing
 * generation keeps its store.
 *
 * @param onFault called with the error if the server claims to have RedisJSON and a trial fails
 * @returns whether a rebuild would change the store
 * @throws DocumentStoreError
 */
export async function prepareDocuments(
  redis: RedisClient,
  topology: Topology,
  onFault: (error: Error) => void = () => {},
): Promise<boolean> {
  const possible = await possibleStore(redis, topology, onFault);
  const chosen = await Promise.all(
    topology
      .all('players')
      .map(keys => chooseDocuments.run(redis, [keys.stream, keys.live(DOCUMENTS_GROUP)], [possible])),
  );
  if (possible === 'plain' && chosen.includes('json')) throw new DocumentStoreError();
  return chosen.some(store => store !== possible);
}

async function possibleStore(
  redis: RedisClient,
  topology: Topology,
  onFault: (error: Error) => void,
): Promise<DocumentStoreName> {
  try {
    const store = await documentStoreOf(redis);
    if (store === 'json') await tryDocuments(redis, topology);
    return store;
  } catch (error) {
    // Usually a denied command means that Redis cannot serve us. Here it only means that this user may not use the modules.
    if (isRedisUnavailable(error) && !isForbidden(error)) throw error;
    onFault(error as Error);
    return 'plain';
  }
}
