import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** A method's call, with calls among its arguments. */
const CALL = /\.(\w+)\(((?:[^()]|\((?:[^()]|\([^()]*\))*\))*)\)/g;
/** Commands whose answer, or whose work, is as long as what they are asked about: Redis does nothing else meanwhile. */
const UNLIMITED =
  /^(smembers|hgetall|hkeys|hvals|lrange|sunion|sinter|sdiff|zunion|xtrim|pubsub|flushall|flushdb)$/;
/** Commands that must have a limit, or ask for one entry. */
const RANGES = /^(xrange|xrevrange|zrange\w*|xautoclaim)$/;

/** What stays short, and why. */
const SHORT: Readonly<Record<string, string>> = {
  'jobKey(this.topology.prefix, id)': 'fields of one job',
  'topologyKey(prefix)': 'a few fields for each of two streams',
  'list, 0, -1 - MAX_SESSIONS': 'sessions of one player beyond the limit',
  'this.listOf(player), 0, -1': 'sessions of one player, who has 50 at most',
  'playerSessionsKey(keys, player), 0, -1': 'sessions of one player, who has 50 at most',
  'list, 0, -1': 'sessions of one player, who has 50 at most',
  'codesKey, 0, -1': 'transfer codes of one player, who has 5 at most',
  'list, 0, -1 - MAX_CODES': 'transfer codes of one player beyond the limit',
  'this.key': 'boards that Cache Quest has made, of which there is a limit',
  'keys.unfinishedCopies()': 'bans that moderators have under way, or whose gateway died meanwhile',
  'keys.touched()': 'players who logged in while a log is moved, by an operator',
};

const sources = ['apps', 'libs']
  .flatMap(folder =>
    readdirSync(`${root}${folder}`, { recursive: true, encoding: 'utf8' }).map(file => `${folder}/${file}`),
  )
  // Tests, and their set-up, run on a small Redis of their own.
  .filter(file => /^(?!libs\/testing\/)(?!.*\/test-[^/]*$).*(?<!\.spec)\.ts$/.test(file));

/** @returns calls that ask Redis for as much as there is */
function unlimited(text: string): string[] {
  return [...text.matchAll(CALL)].flatMap(([call, command = '', args = '']) => {
    if (UNLIMITED.test(command)) return args.trim() in SHORT ? [] : [call];
    if (!RANGES.test(command)) return [];
    const [from, to] = args
      .split(/,(?![^(]*\))/)
      .slice(1)
      .map(word => word.trim());
    return from === to || /'(COUNT|LIMIT)'/.test(args) ? [] : [call];
  });
}

describe('commands that are sent to Redis without a script', () => {
  it.each(sources)('in %s ask for no more than somebody limits', file => {
    expect(unlimited(readFileSync(root + file, 'utf8'))).toEqual([]);
  });

  it('are found', () => {
    expect(unlimited('await redis.hgetall(keys.rules())')).toEqual(['.hgetall(keys.rules())']);
    expect(unlimited("redis.xrange(key, '-', '+')")).toEqual([".xrange(key, '-', '+')"]);
    expect(unlimited("redis.xrange(key, id, id); redis.xrange(key, '-', '+', 'COUNT', 5)")).toEqual([]);
  });
});
