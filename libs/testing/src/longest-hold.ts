import { isRedisUnavailable, nodesOf, type RedisClient } from '#libs/redis';
import type { TestLog } from './test-log.js';

/** Commands that a Redis remembers during one try, at most. */
const REMEMBERED = '20000';
/** A machine that is busy with other things can hold a command up, but hardly every time. */
const TRIES = 5;

/** What held Redis for the longest time. */
export interface Hold {
  readonly milliseconds: number;
  /** The command, as the slow log has it, shortened. */
  readonly command: string;
}

type SlowEntry = [id: number, at: number, microseconds: number, command: string[]];

/**
 * The longest time for which one command of a log's own held Redis while the work was done, by Redis's own clock. The work is
 * done several times, and of each command the shortest time counts, so that a loaded machine does not matter.
 */
export async function longestHold(
  { redis, prefix }: Pick<TestLog, 'redis' | 'prefix'>,
  work: () => Promise<unknown>,
  tries = TRIES,
): Promise<Hold> {
  const nodes = nodesOf(redis);
  const settings = ['slowlog-log-slower-than', 'slowlog-max-len'] as const;
  const [node] = nodes as [RedisClient];
  const before = await Promise.all(settings.map(name => node.config('GET', name) as Promise<string[]>));
  const least = new Map<string, number>();
  try {
    await setAll(nodes, [
      ['slowlog-max-len', REMEMBERED],
      ['slowlog-log-slower-than', '0'],
    ]);
    for (let done = 0, late = 0; done < tries; ) {
      await Promise.all(nodes.map(each => each.slowlog('RESET')));
      try {
        await work();
        done += 1;
      } catch (error) {
        if (!isRedisUnavailable(error) || ++late > tries) throw error;
      }
      await shortest(nodes, prefix, least);
    }
  } finally {
    await setAll(
      nodes,
      settings.map((name, i) => [name, before[i]?.[1] ?? '']),
    );
  }
  const [longest = ['none', 0]] = [...least].sort(([, a], [, b]) => b - a);
  return { milliseconds: longest[1], command: longest[0].slice(0, 300) };
}

/** Of each command, the shortest time: the same words cost the same. */
async function shortest(
  nodes: readonly RedisClient[],
  prefix: string,
  least: Map<string, number>,
): Promise<void> {
  const logs = await Promise.all(nodes.map(each => each.slowlog('GET', REMEMBERED) as Promise<SlowEntry[]>));
  for (const [, , microseconds, command] of logs.flat()) {
    // Other tests use the same Redis. What is sent as text, and compiled, is sent once in the life of a server.
    if (command[0] === 'eval' || !command.some(word => word.includes(prefix))) continue;
    const text = command.join(' ');
    least.set(text, Math.min(microseconds / 1_000, least.get(text) ?? Number.POSITIVE_INFINITY));
  }
}

async function setAll(nodes: readonly RedisClient[], settings: readonly (readonly [string, string])[]) {
  for (const [name, value] of settings) await Promise.all(nodes.map(each => each.config('SET', name, value)));
}
