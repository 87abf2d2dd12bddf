import { createBlockingClient, createClient } from '#libs/redis';

/**
 * What somebody would write by hand who wants best scores in sorted sets, as fast as can be: one script call for each
 * batch, with one argument; the next batch is read while the last is applied. A best score can be added twice: so all
 * are acknowledged, and added, by one command each. No ties, periods, bans, dead letters, or rebuilds.
 */
const [, , url = '', stream = '', group = ''] = process.argv;
const BATCH = 1_000;

/** ARGV[2]: JSON list of the ids, and for each of KEYS[2], ... a list of scores and players in turn. */
const APPLY = `
local batch = cjson.decode(ARGV[2])
redis.call('XACK', KEYS[1], ARGV[1], unpack(batch[1]))
for n = 2, #KEYS do redis.call('ZADD', KEYS[n], 'GT', unpack(batch[n])) end`;

type Entry = [id: string, fields: string[]];

const redis = createClient(url, 'score-loop');
await redis.connect();
const reader = createBlockingClient(redis, stream, 'score-loop:read', 60_000);
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
  const numbers = new Map<string, number>();
  const ids: string[] = [];
  const batch: unknown[][] = [ids];
  for (const [id, fields] of entries) {
    const [, , board, player, score] = JSON.parse(fields[1] ?? '');
    let number = numbers.get(board);
    if (number === undefined) {
      number = keys.push(`loop:${board}`);
      numbers.set(board, number);
      batch.push([]);
    }
    ids.push(id);
    batch[number - 1]?.push(score, player);
  }
  return redis.evalsha(sha, keys.length, ...keys, group, JSON.stringify(batch));
}
