import { consume } from './consumer-loop.js';

/**
 * Stores the latest document of each slot in a hash, without versions, history, search, or rebuilds.
 *
 * ARGV[2]: JSON list of ids; ARGV[3]: JSON list of [index of the player in KEYS, slot]; ARGV[4] and later: the documents.
 */
const APPLY = `
redis.call('XACK', KEYS[1], ARGV[1], unpack(cjson.decode(ARGV[2])))
for i, save in ipairs(cjson.decode(ARGV[3])) do redis.call('HSET', KEYS[save[1]], save[2], ARGV[i + 3]) end`;

await consume(APPLY, 250, (entries, stream) => {
  const keys = [stream];
  const saves = entries.map(([, fields]) => {
    const [, , player, slot] = JSON.parse(fields[1] ?? '');
    return [keys.push(`loop:${player}`), slot];
  });
  const ids = JSON.stringify(entries.map(([id]) => id));
  const documents = entries.map(([, fields]) => fields[3] ?? '');
  return { keys, args: [ids, JSON.stringify(saves), ...documents] };
});
