import { randomBytes } from 'node:crypto';
import type { Topology } from '#libs/event-log';
import { stateKeys } from '#libs/projections';
import type { RedisClient } from '#libs/redis';
import { PROFILES } from './documents.js';
import { createIndex, dropIndex, JsonDocuments, jsonEffects } from './json-documents.js';
import { searchDocumentKey } from './keys.js';
import { memberOf } from './search-terms.js';

/** Not the number of any generation. */
const NONE = 0;
const NAME = 'a trial';

/** Runs the command inside a script, as the commit script does. */
const WRITE = 'return redis.call(ARGV[1], KEYS[1], unpack(ARGV, 2))';

/**
 * Creates the index, stores a JSON value, finds it, and deletes it. This shows whether the server and this user's rights support
 * JSON documents before anything depends on them. If the trial fails, an index that it created is dropped.
 *
 * @throws Error with the step that failed
 */
export async function tryDocuments(redis: RedisClient, topology: Topology): Promise<void> {
  const isNew = await createIndex(redis, topology.prefix);
  try {
    await keepAndFind(redis, topology);
  } catch (error) {
    if (isNew) await dropIndex(redis, topology.prefix).catch(() => {});
    throw error;
  }
}

async function keepAndFind(redis: RedisClient, topology: Topology): Promise<void> {
  const keys = topology.at('players', 0);
  const state = stateKeys(keys, NONE, 'json');
  const player = `trial-${randomBytes(6).toString('hex')}`;
  const document = { texts: [NAME], json: JSON.stringify({ name: NAME }) };
  try {
    for (const { key, command, args } of jsonEffects(
      { keys: state, collection: PROFILES, player },
      undefined,
      document,
    )) {
      const texts = args.map(arg =>
        typeof arg === 'object' && 'document' in arg ? arg.document : String(arg),
      );
      await redis.eval(WRITE, 1, key, command, ...texts);
    }
    const found = await new JsonDocuments(redis, topology.prefix).names([{ keys, state }], NAME, '', 0, 100);
    if (!found.includes(memberOf(NAME, player)))
      throw new Error('Redis Search does not find a JSON value that was just written');
  } finally {
    await redis.unlink(searchDocumentKey(state, PROFILES, player)).catch(() => {});
  }
}
