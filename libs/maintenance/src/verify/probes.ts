import { setTimeout as delay } from 'node:timers/promises';
import { type EventId, formatEventId, parseEventId } from '#libs/events';
import { inclusion, type Source } from '#libs/projections';
import { pairs, type RedisClient } from '#libs/redis';
import { script } from '../lua.js';

/** A place in the live state. */
export interface Probe {
  readonly look: 'HGET' | 'ZSCORE' | 'HLEN' | 'ZCARD' | 'SHA' | 'JSON';
  readonly key: string;
  readonly argument?: string;
}

/** The results of probes, and the events in the state at that moment. */
export interface Sighting {
  /** In the order of the probes, as text; empty for nothing. */
  readonly found: readonly string[];
  /** The last event that the state can contain. */
  readonly end: EventId;
  isApplied(id: EventId, board: string | undefined): boolean;
}

type Reply =
  | 'busy'
  | [delivered: string, pending: string[], skipped: string[], live: string[], found: string[]];

/** Maximum pending events for a probe, which lists all of them. */
const MAX_PENDING = 5_000;
/** While more events are pending: milliseconds between two attempts, and maximum attempts. */
const PATIENCE = 100;
const LOOKS = 600;

const probe = script<Reply>('probe');

/** Reads the places at one moment; only the first of them if documents are long. */
export async function sight(
  redis: RedisClient,
  { keys, group }: Source,
  generation: number,
  probes: readonly Probe[],
): Promise<Sighting> {
  const numbers = new Map<string, number>();
  const packed = probes.map(({ look, key, argument = '' }) => {
    if (!numbers.has(key)) numbers.set(key, numbers.size + 4);
    return [look, numbers.get(key), argument];
  });
  const touched = [keys.stream, keys.live(group), keys.skipped(group), ...numbers.keys()];
  const args = [group, generation, JSON.stringify(packed), MAX_PENDING];
  let reply = await probe.run(redis, touched, args);
  for (let look = 1; reply === 'busy'; look++) {
    if (look === LOOKS) throw new Error(`${keys.stream} has too many pending events to be compared`);
    await delay(PATIENCE);
    reply = await probe.run(redis, touched, args);
  }
  const [delivered, pending, skipped, flat, found] = reply;
  const live = Object.fromEntries(pairs(flat));
  const includes = inclusion(live, skipped);
  const out = new Set([...pending, ...skipped]);
  const firstOut = [...out].map(parseEventId).reduce((a, b) => (isAfter(a, b) ? b : a), NEVER);
  const last = parseEventId(delivered);
  const bases = Object.entries(live).filter(([field]) => field === 'base' || field.startsWith('base:'));
  const ends = [last, ...bases.map(([, id]) => parseEventId(id))];
  return {
    found,
    end: ends.reduce((a, b) => (isAfter(b, a) ? b : a)),
    isApplied: (id, board) =>
      includes(id, board) || (!isAfter(id, last) && (isAfter(firstOut, id) || !out.has(formatEventId(id)))),
  };
}

const NEVER: EventId = { ms: Number.POSITIVE_INFINITY, seq: 0 };

export function isAfter(a: EventId, b: EventId): boolean {
  return a.ms > b.ms || (a.ms === b.ms && a.seq > b.seq);
}
