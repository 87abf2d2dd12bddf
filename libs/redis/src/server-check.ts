import type { RedisClient } from './client.js';
import { type DocumentStoreName, documentIndex } from './keys.js';

/** A setting of the server with which acknowledged events could be lost, and what to do about it. */
export interface ServerFault {
  readonly setting: string;
  readonly message: string;
}

/** The server is not one that Questlog can rely on. */
export class ServerUnfitError extends Error {
  readonly code = 'SERVER_UNFIT';
  override readonly name = 'ServerUnfitError';

  constructor(readonly faults: readonly ServerFault[]) {
    super(`Redis is not set up to keep a log:\n  ${faults.map(fault => fault.message).join('\n  ')}`);
  }
}

/** Reads what the server says of itself: version, eviction and persistence. */
export async function inspectServer(redis: RedisClient): Promise<{ name: string; faults: ServerFault[] }> {
  const info = parseInfo(await redis.info());
  const valkey = info.get('valkey_version');
  const version = valkey ?? info.get('redis_version') ?? '0';
  const name = `${valkey ? 'Valkey' : 'Redis'} ${version}`;
  const faults: ServerFault[] = [];
  if (Number.parseInt(version, 10) < 7) {
    faults.push({
      setting: 'version',
      message: `${name} is too old: Questlog needs Redis 7.0 or Valkey 8, or later`,
    });
  }
  const policy = info.get('maxmemory_policy');
  if (policy !== undefined && policy !== 'noeviction') {
    faults.push({
      setting: 'maxmemory-policy',
      message: `maxmemory-policy is ${policy}: a full Redis would delete events. Set it: CONFIG SET maxmemory-policy noeviction`,
    });
  }
  if (info.get('aof_enabled') === '0') {
    faults.push({
      setting: 'appendonly',
      message:
        'the append-only file is off: a restart would lose events. Turn it on: CONFIG SET appendonly yes',
    });
  }
  return { name, faults };
}

/** Commands of RedisJSON and Redis Search that documents need. */
const DOCUMENT_COMMANDS = ['JSON.SET', 'JSON.GET', 'FT.CREATE', 'FT.SEARCH'];

/** Which store of documents the server can have: by what it knows, not by its name. */
export async function documentStoreOf(redis: RedisClient): Promise<DocumentStoreName> {
  // Redis Search indexes database 0 only.
  if (redis.options.db) return 'plain';
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

/** What a user may not ask for is not there for that user. */
async function unlessForbidden(reply: Promise<unknown>): Promise<unknown> {
  try {
    return await reply;
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('NOPERM')) return [];
    throw error;
  }
}

function parseInfo(text: string): Map<string, string> {
  return new Map(
    [...text.matchAll(/^([^#:\r\n]+):(.*?)\r?$/gm)].map(([, key = '', value = '']) => [key, value]),
  );
}
