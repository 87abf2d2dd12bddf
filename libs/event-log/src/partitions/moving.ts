import { type EventId, formatEventId, STREAMS, type StreamName } from '#libs/events';
import type { RedisClient } from '#libs/redis';
import { script } from '../lua.js';
import { FIRST_EPOCH, type PartitionKeys, topologyKey } from './partition-keys.js';
import type { Topology } from './topology.js';

/** An attempt that has not renewed its lease for this long counts as dead. */
const LEASE_MS = 10_000;

const beginMove = script<number[]>('begin-move');
const holdMove = script<0 | 1>('hold-move');
const switchTopology = script<0 | 1>('switch-topology');
const openGate = script<0 | 1>('open-gate');

/** Values for `hold-move` instead of milliseconds. */
const OVER = 0;
const OVER_IF_SILENT = -1;

/** The topology, in the format of `Topology.update`, and the attempt that is running, if there is one. */
export async function readTopology(
  redis: RedisClient,
  prefix: string,
): Promise<Record<string, string> & { moving?: string }> {
  const { moving, ...fields } = await redis.hgetall(topologyKey(prefix));
  const [attempt] = moving?.split(' ') ?? [];
  return { ...fields, ...(attempt !== undefined && { moving: attempt }) };
}

/**
 * Ends an attempt whose lease has expired, and opens the log again.
 *
 * @returns whether this call ended it
 */
export async function abandonMove(redis: RedisClient, topology: Topology, attempt: string): Promise<boolean> {
  const ended = await holdMove.run(redis, [topologyKey(topology.prefix)], [attempt, OVER_IF_SILENT]);
  // The attempt ends before the log is opened, so that it cannot switch the topology afterwards.
  if (ended === 1) await openGates(redis, allPartitions(topology), attempt);
  return ended === 1;
}

/**
 * Opens the gates of attempts that are over. Such a gate remains if a process died after it had ended the attempt.
 *
 * @param gates their values, read before this call
 * @returns whether a gate was opened
 */
export async function openAbandonedGates(
  redis: RedisClient,
  topology: Topology,
  gates: readonly (readonly [keys: PartitionKeys, gate: string])[],
): Promise<boolean> {
  // An attempt registers before it sets a gate, and the switch changes the epochs. So both are read after the gates.
  const { moving, ...fields } = await readTopology(redis, topology.prefix);
  const isCurrent = ({ streamName, epoch }: PartitionKeys) =>
    Number(fields[`${streamName}:epoch`] ?? FIRST_EPOCH) === epoch;
  const left = gates.filter(([keys, gate]) => isCurrent(keys) && gate.split(' ')[1] !== moving);
  const opened = await Promise.all(
    left.map(([keys, gate]) => openGate.run(redis, [keys.gate(), keys.touched()], [gate])),
  );
  return opened.includes(1);
}

/** An attempt to repartition streams. Only one can run at a time; an attempt that lost its lease has no effect. */
export class Move {
  private constructor(
    private readonly redis: RedisClient,
    private readonly topology: Topology,
    readonly attempt: string,
    readonly streams: readonly StreamName[],
    /** The log epoch that each stream will have. */
    readonly epochs: Readonly<Record<StreamName, number>>,
  ) {}

  /** @throws MoveActiveError */
  static async begin(
    redis: RedisClient,
    topology: Topology,
    attempt: string,
    streams: readonly StreamName[],
  ): Promise<Move> {
    const made = await beginMove.run(redis, [topologyKey(topology.prefix)], [attempt, LEASE_MS, ...streams]);
    const epochs = { ...topology.epochs };
    for (const [i, stream] of streams.entries()) epochs[stream] = made[i] ?? 0;
    const move = new Move(redis, topology, attempt, streams, epochs);
    // Removes the gates of an attempt that died.
    const others = allPartitions(topology).filter(keys => !move.moved.includes(keys));
    await Promise.all(others.map(keys => redis.unlink(keys.gate(), keys.touched())));
    await move.setGates('moving');
    return move;
  }

  /** Renews the lease. @returns false if another attempt has replaced this one */
  async keep(): Promise<boolean> {
    return (await this.hold(LEASE_MS)) === 1;
  }

  /** Closes the streams for all further events. */
  close(): Promise<void> {
    return this.setGates('closed');
  }

  /** Abandons the attempt, and opens the log again. @returns false if the attempt has already completed */
  async giveUp(): Promise<boolean> {
    await this.hold(OVER);
    this.topology.update(await readTopology(this.redis, this.topology.prefix));
    if (this.streams.some(stream => this.topology.epochs[stream] === this.epochs[stream])) return false;
    await openGates(this.redis, this.moved, this.attempt);
    return true;
  }

  /**
   * Makes the new partitions the current ones. The old ones stay closed.
   *
   * @param ends the last event of each repartitioned stream
   * @returns false if another attempt has replaced this one: nothing was done
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
      // Gates of other attempts have other values.
      for (const value of [`closed ${attempt}`, `moving ${attempt}`])
        await openGate.run(redis, [keys.gate(), keys.touched()], [value]);
    }),
  );
}

const allPartitions = (topology: Topology) => STREAMS.flatMap(stream => topology.all(stream));
