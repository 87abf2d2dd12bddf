import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import {
  Move,
  MoveActiveError,
  type PartitionKeys,
  readTopology,
  Topology,
  topologyKey,
} from '#libs/event-log';
import { type EventId, STREAMS, type StreamName } from '#libs/events';
import type { RedisClient } from '#libs/redis';
import { projections } from '../projections/projections.js';
import { sweep } from '../rebuild/sweep.js';
import { LogChangedError, NotCleanedError, PauseTooLongError } from './errors.js';
import { dropPartitions, retireEarlier } from './leftovers.js';
import { assertMemory, assertMovable, assertQuiet, RepartitionRefusedError } from './preflight.js';
import { confirmByReplicas } from './replicas.js';
import { RevokedMeanwhileError } from './revocations.js';
import { PlayerBeingErasedError } from './router.js';
import { StreamMove } from './stream-move.js';

/** The new number of partitions per stream. */
export type Counts = Readonly<Record<StreamName, number>>;

/** Receives progress and messages. */
export interface MoveListener {
  /** @param processed events, of `total` */
  onProgress(phase: string, processed: number, total: number): void;
  say(message: string): void;
}

export interface MoveResult {
  /** The number of copied events. */
  readonly events: number;
  /** The time from the beginning to the switch. */
  readonly seconds: number;
  /** How long the log accepted no events, in milliseconds. */
  readonly pause: number;
}

/** The maximum time for which the log accepts no events. After it, the log opens again, and the attempt starts over. */
const MAX_PAUSE_MS = 15_000;
/** Maximum events to copy during the pause. */
const MAX_PAUSE_EVENTS = 1_000;
/** Maximum rounds to catch up with new events before the pause, so that a constant high load cannot delay the switch for ever. */
const MAX_ROUNDS = 20;
/** How often the lease is renewed. */
const RENEW_MS = 1_000;
/** After this time, every process that is not frozen uses the new partitions. */
const GRACE_MS = 250;
/** The maximum time of a request. */
const REQUEST_MS = 2_000;
/** How often a waiting repartition checks whether it can continue. */
const POLL_MS = 100;
/** Maximum attempts, if each is interrupted by the erasure of a player. */
const MAX_ATTEMPTS = 5;

/**
 * Changes the number of partitions of streams while the system runs. It copies nearly all events to new partitions, and builds
 * their projections beside the live ones. Then the log accepts no events for a moment, in which the rest is copied.
 */
export class Repartition {
  private move: Move | undefined;
  private isLost = false;
  private isTidy = false;
  /** When the log must be open again; undefined while it is open. */
  private deadline: number | undefined;

  constructor(
    private readonly redis: RedisClient,
    private readonly topology: Topology,
    private readonly counts: Counts,
    private readonly listener: MoveListener,
    /** How long requests to the old partitions can still run, in milliseconds. */
    private readonly requestMs = REQUEST_MS,
  ) {}

  /** The streams whose number of partitions changes. */
  get streams(): StreamName[] {
    return STREAMS.filter(stream => this.counts[stream] !== this.topology.counts[stream]);
  }

  /** @throws RepartitionRefusedError, LogDamagedError */
  async assertPossible(): Promise<void> {
    await assertMemory(this.redis);
    await assertQuiet(this.redis, this.topology);
    await assertMovable(this.redis, this.topology, this.streams);
  }

  /**
   * @returns undefined if the log has these numbers of partitions already
   * @throws MoveActiveError, RepartitionRefusedError, and other errors that name the remedy; then the log is unchanged
   */
  async run(): Promise<MoveResult | undefined> {
    await this.tidy();
    const { streams } = this;
    if (streams.length === 0) return undefined;
    await this.assertPossible();
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.attempt(streams);
      } catch (error) {
        if (!isRepeatable(error) || attempt === MAX_ATTEMPTS) throw error;
        this.listener.say(`starting over: ${(error as Error).message}`);
        await this.untilMovable(streams);
      }
    }
  }

  /**
   * Cleans up after attempts that were killed before their switch, finishes one that was killed after it, and reports which of
   * the two it did.
   *
   * @throws MoveActiveError while another attempt is running
   */
  async tidy(): Promise<void> {
    if (this.isTidy) return;
    const { redis, topology, listener } = this;
    // An attempt without streams, so that nobody else creates partitions at the same time.
    const move = await this.beginWhenExpired();
    const timer = setInterval(() => void this.renew(move).catch(() => {}), RENEW_MS);
    try {
      topology.update(await readTopology(redis, topology.prefix));
      const [abandoned, past] = [await this.dropAbandoned(move), await this.dropPast(STREAMS)];
      for (const projection of projections) await sweep(redis, topology, projection);
      if (abandoned > 0)
        listener.say(
          `cleaned up: an attempt that ended before its switch had left ${abandoned} keys. The log is unchanged`,
        );
      if (past > 0)
        listener.say(
          `finished: a repartition that ended after its switch had left ${past} keys of old partitions. The log is repartitioned`,
        );
      this.isTidy = true;
    } finally {
      clearInterval(timer);
      await move.giveUp();
    }
  }

  /** Waits until the lease of a dead attempt expires. @throws MoveActiveError if another attempt is alive */
  private async beginWhenExpired(): Promise<Move> {
    const { redis, topology } = this;
    const read = () => redis.hget(topologyKey(topology.prefix), 'moving');
    const other = await read();
    for (let isWaiting = false; ; isWaiting = true) {
      try {
        const move = await Move.begin(redis, topology, newAttempt(), []);
        this.move = move;
        this.isLost = false;
        return move;
      } catch (error) {
        if (!(error instanceof MoveActiveError) || (await read()) !== other) throw error;
        if (!isWaiting)
          this.listener.say('waiting: another attempt is running, or was killed within the last ten seconds');
      }
      await delay(POLL_MS);
    }
  }

  private async attempt(streams: readonly StreamName[]): Promise<MoveResult> {
    const began = performance.now();
    const { redis, topology } = this;
    const attempt = newAttempt();
    const move = await Move.begin(redis, topology, attempt, streams);
    this.move = move;
    this.isLost = false;
    const timer = setInterval(() => void this.renew(move).catch(() => {}), RENEW_MS);
    try {
      const skipped = await assertMovable(redis, topology, streams);
      const counts = { ...topology.counts, ...pick(this.counts, streams) };
      const to = new Topology(topology.prefix, counts, move.epochs);
      const moves = streams.map(
        stream =>
          new StreamMove(redis, topology, to, stream, skipped[stream], attempt, (...how) =>
            this.tick(...how),
          ),
      );
      await this.prepare(moves, streams);
      const old = streams.map(stream => topology.all(stream));
      const pause = await this.switch(move, moves, counts, skipped);
      const events = moves.reduce((sum, { processed }) => sum + processed, 0);
      const seconds = (performance.now() - began) / 1_000;
      this.listener.say(`switched; writes were refused for ${pause} ms`);
      await this.leave(moves, old);
      await this.dropPast(streams);
      return { events, seconds, pause };
    } catch (error) {
      throw (await this.revert(move)) ? new NotCleanedError(error) : error;
    } finally {
      clearInterval(timer);
      this.deadline = undefined;
    }
  }

  private async prepare(moves: readonly StreamMove[], streams: readonly StreamName[]): Promise<void> {
    for (const each of moves) await each.prepare();
    do await this.follow(moves);
    while (await this.untilMovable(streams));
  }

  private async follow(moves: readonly StreamMove[]): Promise<void> {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      let added = 0;
      for (const each of moves) added += await each.follow();
      if (added <= MAX_PAUSE_EVENTS) return;
    }
  }

  /** @returns how long the log accepted no events, in milliseconds */
  private async switch(
    move: Move,
    moves: readonly StreamMove[],
    counts: Counts,
    skipped: Awaited<ReturnType<typeof assertMovable>>,
  ): Promise<number> {
    await this.assertHeld(move);
    this.listener.say('all but the last events are copied: writes are refused for a moment');
    const began = performance.now();
    this.deadline = began + MAX_PAUSE_MS;
    await move.close();
    const [after] = await Promise.all([
      assertMovable(this.redis, this.topology, move.streams),
      ...moves.map(each => each.finish()),
    ]);
    if (move.streams.some(stream => !isSame(skipped[stream], after[stream])))
      throw new RepartitionRefusedError(
        'dead letters were dropped in the meantime: run the command again',
        true,
      );
    const ends = Object.fromEntries(moves.map((each, i) => [move.streams[i], each.end])) as Record<
      StreamName,
      EventId
    >;
    await Promise.all(moves.map(each => each.open(each.end)));
    await confirmByReplicas(this.redis);
    await this.assertHeld(move);
    if (!(await move.complete(counts, ends))) throw new MoveActiveError();
    this.deadline = undefined;
    return Math.round(performance.now() - began);
  }

  /** Waits until no process uses the old partitions, and retires them. */
  private async leave(
    moves: readonly StreamMove[],
    old: readonly (readonly PartitionKeys[])[],
  ): Promise<void> {
    this.topology.update(await readTopology(this.redis, this.topology.prefix));
    await confirmByReplicas(this.redis);
    await delay(GRACE_MS);
    for (const [i, each] of moves.entries()) await each.retireOld(old[i] ?? []);
    await delay(this.requestMs);
  }

  /** Undoes the attempt. @returns true if it is too late, because the log is repartitioned */
  private async revert(move: Move): Promise<boolean> {
    try {
      if (!(await move.giveUp())) return true;
      for (const stream of move.streams)
        await dropPartitions(
          this.redis,
          this.topology.prefix,
          stream,
          epoch => epoch === move.epochs[stream],
          'all',
        );
    } catch {
      // Other processes open the log again when the lease has expired.
    }
    return false;
  }

  /** Deletes the old partitions after a switch. @returns the number of deleted keys */
  private async dropPast(streams: readonly StreamName[]): Promise<number> {
    const { prefix, epochs } = this.topology;
    let dropped = 0;
    for (const stream of streams) {
      // The process that switched may have died before it retired them.
      await retireEarlier(this.redis, this.topology, stream);
      const isPast = (epoch: number) => epoch < epochs[stream];
      dropped += await dropPartitions(this.redis, prefix, stream, isPast, 'all but retired');
    }
    return dropped;
  }

  /** Deletes the partitions of attempts that died before their switch. @returns the number of deleted keys */
  private async dropAbandoned(move: Move): Promise<number> {
    const { prefix, epochs } = this.topology;
    let dropped = 0;
    for (const stream of STREAMS) {
      const isAbandoned = (epoch: number) => epoch > epochs[stream];
      dropped += await dropPartitions(this.redis, prefix, stream, isAbandoned, 'all', () =>
        this.assertHeld(move),
      );
    }
    return dropped;
  }

  /** Waits for jobs and erasures to end. @returns whether it had to wait */
  private async untilMovable(streams: readonly StreamName[]): Promise<boolean> {
    for (let isWaiting = false; ; isWaiting = true) {
      try {
        await assertQuiet(this.redis, this.topology);
        await assertMovable(this.redis, this.topology, streams);
        return isWaiting;
      } catch (error) {
        if (!(error instanceof RepartitionRefusedError && error.isTemporary)) throw error;
        if (!isWaiting) this.listener.say(`waiting: ${error.message}`);
        if (this.isLost) throw new MoveActiveError();
      }
      await delay(POLL_MS);
    }
  }

  private async tick(phase: string, processed: number, total: number): Promise<void> {
    if (this.isLost) throw new MoveActiveError();
    if (this.deadline !== undefined && performance.now() > this.deadline)
      throw new PauseTooLongError(MAX_PAUSE_MS / 1_000);
    this.listener.onProgress(phase, processed, total);
  }

  /** An error is ignored: `assertHeld` checks the lease again before each important step. */
  private async renew(move: Move): Promise<void> {
    const isHeld = await move.keep();
    if (!isHeld && move === this.move) this.isLost = true;
  }

  private async assertHeld(move: Move): Promise<void> {
    if (this.isLost || !(await move.keep())) throw new MoveActiveError();
  }
}

/** The attempt can be repeated later. */
const isRepeatable = (error: unknown) =>
  error instanceof LogChangedError ||
  error instanceof PlayerBeingErasedError ||
  error instanceof RevokedMeanwhileError ||
  (error instanceof RepartitionRefusedError && error.isTemporary);

const newAttempt = () => randomBytes(9).toString('hex');

const pick = (counts: Counts, streams: readonly StreamName[]): Partial<Record<StreamName, number>> =>
  Object.fromEntries(streams.map(stream => [stream, counts[stream]]));

function isSame(
  a: ReadonlyMap<string, readonly string[]>,
  b: ReadonlyMap<string, readonly string[]>,
): boolean {
  return a.size === b.size && [...a].every(([place, groups]) => b.get(place)?.join() === groups.join());
}
