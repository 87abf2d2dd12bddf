import { createBlockingClient, createClient } from '#libs/redis';

/**
 * What somebody would write by hand who wants the newest document of each slot in a hash, as fast as can be: one script
 * call for each batch; the next batch is read while the last is applied. No versions, history, search, or rebuilds.
 */
const [, , url = '', stream = '', group = ''] = process.argv;
const BATCH = 250;

/** ARGV[2]: JSON list of the ids; ARGV[3]: JSON list of [n of the player in KEYS, slot]; from ARGV[4] on the documents. */
const APPLY = `
redis.call('XACK', KEYS[1], ARGV[1], unpack(cjson.decode(ARGV[2])))
for i, save in ipairs(cjson.decode(ARGV[3])) do redis.call('HSET', KEYS[save[1]], save[2], ARGV[i + 3]) end`;

type Entry = [id: string, fields: string[]];

const redis = createClient(url, 'save-loop');
await redis.connect();
const reader = createBlockingClient(redis, stream, 'save-loop:read', 60_000);
await reader.connect();
await redis.xgroup('CREATE', stream, group, '0', 'MKSTREAM');
const sha = (await redis.script('LOAD', APPLY)) as string;
process.once('disconnect', () => process.exit());
process.send?.('ready');

let applied: Promise<unknown> = Promise.resolve();
for (;;) {
  const reply = (await reader.xreadgroup(
    ...(['GROUP', group, 'loop', 'COUNT', BATCH, 'BLOCK', 5_000, 'STREAMS', stream, '>'] as const),
  )) as [[string, Entry[]]] | null;
  await applied;
  if (reply) applied = apply(reply[0][1]);
}

function apply(entries: readonly Entry[]): Promise<unknown> {
  const keys = [stream];
  const saves = entries.map(([, fields]) => {
    const [, , player, slot] = JSON.parse(fields[1] ?? '');
    return [keys.push(`loop:${player}`), slot];
  });
  const ids = JSON.stringify(entries.map(([id]) => id));
  const documents = entries.map(([, fields]) => fields[3] ?? '');
  return redis.evalsha(sha, keys.length, ...keys, group, ids, JSON.stringify(saves), ...documents);
}
