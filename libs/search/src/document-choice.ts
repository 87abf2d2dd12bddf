import type { Topology } from '#libs/event-log';
import type { DocumentStoreName } from '#libs/projections';
import { isForbidden, isRedisUnavailable, type RedisClient } from '#libs/redis';
import { documentStoreOf } from './document-store.js';
import { tryDocuments } from './document-trial.js';
import { DOCUMENTS_GROUP } from './documents.js';
import { script } from './lua.js';

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

const chooseDocuments = script<DocumentStoreName>('choose-documents');

/**
 * Sees to it that documents can be kept and found. A log without events gets the store that the server can have; a
 * generation that there is stays as it was built.
 *
 * @param onFault hears why a server that says that it knows JSON is not believed
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
    // Elsewhere a denied command means that Redis cannot serve; here, that this user may not use the modules.
    if (isRedisUnavailable(error) && !isForbidden(error)) throw error;
    onFault(error as Error);
    return 'plain';
  }
}
