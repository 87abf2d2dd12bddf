import { setTimeout as delay } from 'node:timers/promises';
import { deadLettersKey } from '#libs/event-log';
import { type Cluster, GROUPS, PREFIX } from '../cluster.js';
import type { LogEntry } from '../log.js';
import type { Check } from '../report.js';

/** Milliseconds between two looks. */
const INTERVAL = 100;

/** Waits until nothing is pending and nothing unread in any group, and nobody is being erased. @param within milliseconds */
export async function checkQuiet(cluster: Cluster, within: number): Promise<Check> {
  const deadline = Date.now() + within;
  for (;;) {
    const differences = await unrest(cluster);
    if (differences.length === 0 || Date.now() > deadline) {
      const groups = Object.entries(GROUPS).map(
        ([stream, names]) => names.length * cluster.topology.all(stream as keyof typeof GROUPS).length,
      );
      const checked = groups.reduce((sum, count) => sum + count, 0);
      return {
        name: 'nothing is pending or unread in any group, nobody is being erased',
        checked,
        differences,
      };
    }
    await delay(INTERVAL);
  }
}

async function unrest({ redis, topology }: Cluster): Promise<string[]> {
  const found: string[] = [];
  for (const stream of ['scores', 'players'] as const) {
    for (const keys of topology.all(stream)) {
      const erasing = await redis.client.hkeys(keys.erasing());
      if (erasing.length > 0) found.push(`${keys.stream} erases ${erasing.join(', ')}`);
      if ((await redis.client.exists(keys.stream)) === 0) continue;
      const last = toMap(await redis.client.xinfo('STREAM', keys.stream)).get('last-generated-id');
      const groups = ((await redis.client.xinfo('GROUPS', keys.stream)) as unknown[]).map(toMap);
      for (const name of GROUPS[stream]) {
        if (!groups.some(group => group.get('name') === name))
          found.push(`${keys.stream} has no group ${name}`);
      }
      for (const group of groups) {
        const [name, pending, lag] = [group.get('name'), Number(group.get('pending')), group.get('lag')];
        const unread = Number(lag) !== 0 && group.get('last-delivered-id') !== last;
        if (pending > 0 || unread) found.push(`${keys.stream} ${name}: pending ${pending}, lag ${lag}`);
      }
    }
  }
  return found;
}

/** Names and values in turn, as Redis answers them. */
function toMap(flat: unknown): Map<unknown, unknown> {
  const list = flat as readonly unknown[];
  return new Map(list.flatMap((name, i) => (i % 2 === 0 ? [[name, list[i + 1]] as const] : [])));
}

/** The dead letters are the planted poison, once for each group that reads its stream, and nothing else. */
export async function checkDeadLetters(cluster: Cluster, log: readonly LogEntry[]): Promise<Check> {
  const { redis, topology } = cluster;
  const differences: string[] = [];
  const known = new Set<string>();
  let checked = 0;
  for (const stream of ['scores', 'players'] as const) {
    for (const keys of topology.all(stream)) {
      const planted = log.filter(entry => entry.poison && entry.keys === keys).map(({ id }) => id);
      for (const group of GROUPS[stream]) {
        const key = deadLettersKey(keys, group);
        known.add(key);
        const letters = (await redis.client.xrange(key, '-', '+')).map(([, fields]) => toMap(fields));
        const ids = letters.map(letter => String(letter.get('id')));
        checked += planted.length;
        differences.push(
          ...planted.filter(id => !ids.includes(id)).map(id => `${key}: ${id} is poison, and not there`),
          ...letters
            .filter(
              (letter, i) =>
                !planted.includes(String(letter.get('id'))) || ids.indexOf(String(letter.get('id'))) < i,
            )
            .map(letter => `${key}: ${letter.get('id')} should not be there (again): ${letter.get('error')}`),
        );
      }
    }
  }
  const others = (await redis.client.keys(`${PREFIX}:*:dead:*`)).filter(key => !known.has(key));
  differences.push(...others.map(key => `${key}: a group that should have none`));
  return { name: 'the dead letters are the planted poison', checked, differences };
}
