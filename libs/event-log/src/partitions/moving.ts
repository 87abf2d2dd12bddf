import { type EventId, formatEventId, STREAMS, type StreamName } from '#libs/events';
import type { RedisClient } from '#libs/redis';
import { script } from '../lua.js';
import { FIRST_EPOCH, type PartitionKeys, topologyKey } from './partition-keys.js';
import type { Topology } from './topology.js';

/** Milliseconds after which who moves the log counts as dead. */
const LEASE = 10_000;

const beginMove = script<number[]>('begin-move');
const holdMove = script<0 | 1>('hold-move');
const switchTopology = script<0 | 1>('switch-topology');
const openGate = script<0 | 1>('open-gate');

/** What `hold-move` takes instead of milliseconds. */
const OVER = 0;
const OVER_IF_SILENT = -1;

/** How the streams are cut, as `Topology.update` takes it, and which attempt is under way to cut them anew. */
export async function readTopology(
  redis: RedisClient,
  prefix: string,
): Promise<Record<string, string> & { moving?: string }> {
  const { moving, ...fields } = await redis.hgetall(topologyKey(prefix));
  const [attempt] = moving?.split(' ') ?? [];
  return { ...fields, ...(attempt !== undefined && { moving: attempt }) };
}

/**
 * Ends an attempt that was not heard of for long, and has the log take events again.
 *
 * @returns whether it was ended by this
 */
export async function abandonMove(redis: RedisClient, topology: Topology, attempt: string): Promise<boolean> {
  const ended = await holdMove.run(redis, [topologyKey(topology.prefix)], [attempt, OVER_IF_SILENT]);
  // In this order: when the log takes events, nothing can be switched any more.
  if (ended === 1) await openGates(redis, allPartitions(topology), attempt);
  return ended === 1;
}

/**
 * Opens gates of attempts that are over: whoever ended one, or was to open them, died in between.
 *
 * @param gates what they say, read before this is called
 * @returns whether one was opened
 */
export async function openAbandonedGates(
  redis: RedisClient,
  topology: Topology,
  gates: readonly (readonly [keys: PartitionKeys, gate: string])[],
): Promise<boolean> {
  // An attempt says that it has begun before it touches a gate, and the switch changes the epochs: both are read after the gates.
  const { moving, ...fields } = await readTopology(redis, topology.prefix);
  const isCurrent = ({ streamName, epoch }: PartitionKeys) =>
    Number(fields[`${streamName}:epoch`] ?? FIRST_EPOCH) === epoch;
  const left = gates.filter(([keys, gate]) => isCurrent(keys) && gate.split(' ')[1] !== moving);
  const opened = await Promise.all(
    left.map(([keys, gate]) => openGate.run(redis, [keys.gate(), keys.touched()], [gate])),
  );
  return opened.includes(1);
}

/** One attempt to cut streams anew. There is one at a time; what one does that was taken for dead has no effect. */
export class Move {
  private constructor(
    private readonly redis: RedisClient,
    private readonly topology: Topology,
    readonly attempt: string,
    readonly streams: readonly StreamName[],
    /** The epoch that each of the streams is to have. */
    readonly epochs: Readonly<Record<StreamName, number>>,
  ) {}

  /** @throws MoveActiveError */
  static async begin(
    redis: RedisClient,
    topology: Topology,
    attempt: string,
    streams: readonly StreamName[],
  ): Promise<Move> {
    const made = await beginMove.run(redis, [topologyKey(topology.prefix)], [attempt, LEASE, ...streams]);
    const epochs = { ...topology.epochs };
    for (const [i, stream] of streams.entries()) epochs[stream] = made[i] ?? 0;
    const move = new Move(redis, topology, attempt, streams, epochs);
    // Those of an attempt that died go with it.
    const others = allPartitions(topology).filter(keys => !move.moved.includes(keys));
    await Promise.all(others.map(keys => redis.unlink(keys.gate(), keys.touched())));
    await move.setGates('moving');
    return move;
  }

  /** @returns whether the attempt is still the one that is under way */
  async keep(): Promise<boolean> {
    return (await this.hold(LEASE)) === 1;
  }

  /** From now on nobody can append to the streams. */
  close(): Promise<void> {
    return this.setGates('closed');
  }

  /** Gives the attempt up, and has the log take events again. @returns false when it is too late for that: it came true */
  async giveUp(): Promise<boolean> {
    await this.hold(OVER);
    this.topology.update(await readTopology(this.redis, this.topology.prefix));
    if (this.streams.some(stream => this.topology.epochs[stream] === this.epochs[stream])) return false;
    await openGates(this.redis, this.moved, this.attempt);
    return true;
  }

  /**
   * Has everybody use the new partitions. Those of before stay closed.
   *
   * @param ends of each stream that was moved, the last event
   * @returns false when another attempt has taken its place: nothing was done
   */
  async complete(
    counts: Readonly<Record<StreamName, number>>,
    ends: Readonly<Record<StreamName, EventId>>,
  ): Promise<boolean> {
    const fields = this.streams.flatMap(stream => [
      [stream, String(counts[stream])],
      [`${stream}:epoch`, String(this.epochs[stream])],
      [`${stream}:movedUpTo`, formatEventId(ends[stream])],
    ]);
    const args = [this.attempt, JSON.stringify(Object.fromEntries(fields))];
    return (await switchTopology.run(this.redis, [topologyKey(this.topology.prefix)], args)) === 1;
  }

  private get moved(): PartitionKeys[] {
    return this.streams.flatMap(stream => this.topology.all(stream));
  }

  private hold(milliseconds: number): Promise<0 | 1> {
    return holdMove.run(this.redis, [topologyKey(this.topology.prefix)], [this.attempt, milliseconds]);
  }

  private async setGates(state: 'moving' | 'closed'): Promise<void> {
    await Promise.all(this.moved.map(keys => this.redis.set(keys.gate(), `${state} ${this.attempt}`)));
  }
}

async function openGates(
  redis: RedisClient,
  partitions: readonly PartitionKeys[],
  attempt: string,
): Promise<void> {
  await Promise.all(
    partitions.map(async keys => {
      // Only those of this attempt.
      for (const value of [`closed ${attempt}`, `moving ${attempt}`])
        await openGate.run(redis, [keys.gate(), keys.touched()], [value]);
    }),
  );
}

const allPartitions = (topology: Topology) => STREAMS.flatMap(stream => topology.all(stream));
