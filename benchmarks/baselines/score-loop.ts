import { consume } from './consumer-loop.js';

/**
 * Stores best scores in sorted sets, without ties, periods, bans, dead letters, or rebuilds. Adding a score twice is
 * harmless, so a batch is acknowledged with one command and added with one command per board.
 *
 * ARGV[2]: JSON list of the ids, followed by a list of alternating scores and players for each of KEYS[2], KEYS[3], ...
 */
const APPLY = `
local batch = cjson.decode(ARGV[2])
redis.call('XACK', KEYS[1], ARGV[1], unpack(batch[1]))
for n = 2, #KEYS do redis.call('ZADD', KEYS[n], 'GT', unpack(batch[n])) end`;

await consume(APPLY, 1_000, (entries, stream) => {
  const keys = [stream];
  const numbers = new Map<string, number>();
  const ids: string[] = [];
  const batch: unknown[][] = [ids];
  for (const [id, fields] of entries) {
    const [, , board = '', player = '', score] = (fields[1] ?? '').split(' ');
    let number = numbers.get(board);
    if (number === undefined) {
      number = keys.push(`loop:${board}`);
      numbers.set(board, number);
      batch.push([]);
    }
    ids.push(id);
    batch[number - 1]?.push(score, player);
  }
  return { keys, args: [JSON.stringify(batch)] };
});
