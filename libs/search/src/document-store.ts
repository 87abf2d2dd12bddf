import type { DocumentStoreName } from '#libs/projections';
import { parseInfo, type RedisClient, unlessForbidden } from '#libs/redis';
import { documentIndex } from './index-keys.js';

/** Commands of RedisJSON and Redis Search that documents need. */
const DOCUMENT_COMMANDS = ['JSON.SET', 'JSON.GET', 'FT.CREATE', 'FT.SEARCH'];

/** Which store of documents the server can have: by what it knows, not by its name. */
export async function documentStoreOf(redis: RedisClient): Promise<DocumentStoreName> {
  // Redis Search indexes database 0 only.
  if ((redis.options as { db?: number }).db) return 'plain';
  const info = parseInfo(await redis.info('server'));
  // Valkey's modules have the same names of commands, but do not sort; what a cluster's do was not tried.
  if (info.has('valkey_version') || info.get('redis_mode') === 'cluster') return 'plain';
  const known = (await unlessForbidden(redis.command('INFO', ...DOCUMENT_COMMANDS))) as unknown[];
  return known.length === DOCUMENT_COMMANDS.length && known.every(command => command != null)
    ? 'json'
    : 'plain';
}

/** Which store of documents can be built: JSON values are for a server on which a service has made their index. */
export async function documentStoreIn(redis: RedisClient, prefix: string): Promise<DocumentStoreName> {
  if ((await documentStoreOf(redis)) === 'plain') return 'plain';
  const indexes = (await unlessForbidden(redis.call('FT._LIST'))) as string[];
  return indexes.includes(documentIndex(prefix)) ? 'json' : 'plain';
}
