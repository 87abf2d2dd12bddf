import type { DocumentStoreName } from '#libs/projections';
import { parseInfo, type RedisClient, unlessForbidden } from '#libs/redis';
import { documentIndex } from './index-keys.js';

/** Commands of RedisJSON and Redis Search that documents need. */
const DOCUMENT_COMMANDS = ['JSON.SET', 'JSON.GET', 'FT.CREATE', 'FT.SEARCH'];

/** The best document store that the server offers, judged by its commands, not by its name. */
export async function documentStoreOf(redis: RedisClient): Promise<DocumentStoreName> {
  // Redis Search indexes database 0 only.
  if ((redis.options as { db?: number }).db) return 'plain';
  const info = parseInfo(await redis.info('server'));
  // Valkey's modules have commands of the same names, but cannot sort. Modules on a cluster have not been tried.
  if (info.has('valkey_version') || info.get('redis_mode') === 'cluster') return 'plain';
  const known = (await unlessForbidden(redis.command('INFO', ...DOCUMENT_COMMANDS))) as unknown[];
  return known.length === DOCUMENT_COMMANDS.length && known.every(command => command != null)
    ? 'json'
    : 'plain';
}

/** The store that a rebuild uses: JSON values only if a service has created the index. */
export async function documentStoreIn(redis: RedisClient, prefix: string): Promise<DocumentStoreName> {
  if ((await documentStoreOf(redis)) === 'plain') return 'plain';
  const indexes = (await unlessForbidden(redis.call('FT._LIST'))) as string[];
  return indexes.includes(documentIndex(prefix)) ? 'json' : 'plain';
}
