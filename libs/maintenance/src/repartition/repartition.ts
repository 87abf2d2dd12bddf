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
import { dropPartitions, entombBefore } from './leftovers.js';
import { assertMemory, assertMovable, assertQuiet, RepartitionRefusedError } from './preflight.js';
import { confirmByReplicas } from './replicas.js';
import { RevokedMeanwhileError } from './revocations.js';
import { PlayerBeingErasedError } from './router.js';
import { StreamMove } from './stream-move.js';

/** How many partitions there are to be. */
export type Counts = Readonly<Record<StreamName, number>>;

/** Hears what happens. */
export interface MoveListener {
  /** How far it is with events. */
  onProgress(phase: string, processed: number, total: number): void;
  say(message: string): void;
}

export interface MoveResult {
  /** Events that were moved. */
  readonly events: number;
  /** From the beginning to the switch. */
  readonly seconds: number;
  /** Milliseconds for which the log took no events. */
  readonly pause: number;
}

/** Milliseconds for which the log takes no events, at most; then it does again, and all begins anew. */
const MAX_PAUSE = 15_000;
/** Events that can be left for the pause. */
const FEW = 1_000;
/** Rounds in which what came meanwhile is copied, at most: an endless storm of events is no reason never to switch. */
const ROUNDS = 20;
/** Milliseconds between two signs of life. */
const BEAT = 1_000;
/** Milliseconds after the switch in which every process that is not frozen goes by the new partitions. */
const GRACE = 250;
/** Milliseconds: as long as a request has. */
const UNDER_WAY = 2_000;
/** Milliseconds between two looks whether it can go on. */
const LOOK = 100;
/** How often it is begun anew by itself when a player is erased meanwhile. */
const ATTEMPTS = 5;

/**
 * Cuts streams of the log into other numbers of partitions, while the system runs: nearly all is copied and built beside
 * what is live; then the log takes no events for a moment, in which the rest is.
 */
export class Repartition {
  private move: Move | undefined;
  private isLost = false;
  private isTidy = false;
  /** When it must be open again; nothing while it is. */
  private deadline: number | undefined;

  constructor(
    private readonly redis: RedisClient,
    private readonly topology: Topology,
    private readonly counts: Counts,
    private readonly listener: MoveListener,
    /** Milliseconds for which what was asked of the old partitions can be under way. */
    private readonly underWay = UNDER_WAY,
  ) {}

  /** The streams that are to be cut anew. */
  get streams(): StreamName[] {
    return STREAMS.filter(stream => this.counts[stream] !== this.topology.counts[stream]);
  }

  /** @throws RepartitionRefusedError and others that say what to do */
  async assertPossible(): Promise<void> {
    await assertMemory(this.redis);
    await assertQuiet(this.redis, this.topology);
    await assertMovable(this.redis, this.topology, this.streams);
  }

  /**
   * @returns nothing when the log is cut so already
   * @throws MoveActiveError, RepartitionRefusedError, and others that say what to do; then the log is as it was
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
        if (!isPassing(error) || attempt === ATTEMPTS) throw error;
        this.listener.say(`beginning anew: ${(error as Error).message}`);
        await this.untilMovable(streams);
      }
    }
  }

  /**
   * Removes what attempts left that were killed, and finishes what one had not finished after its switch; says which it did.
   *
   * @throws MoveActiveError while another attempt is under way
   */
  async tidy(): Promise<void> {
    if (this.isTidy) return;
    const { redis, topology, listener } = this;
    // An attempt that moves nothing: as long as it is under way, nobody else makes partitions.
    const move = await this.beginWhenSilent();
    const beat = setInterval(() => void this.beat(move).catch(() => {}), BEAT);
    try {
      topology.update(await readTopology(redis, topology.prefix));
      const [abandoned, past] = [await this.dropAbandoned(move), await this.dropPast(STREAMS)];
      for (const projection of projections) await sweep(redis, topology, projection);
      if (abandoned > 0)
        listener.say(
          `cleaned up: an attempt that was ended before its switch had left ${abandoned} keys; the log is as it was before it`,
        );
      if (past > 0)
        listener.say(
          `finished: a move that was ended after its switch had left ${past} keys of the partitions of before; the log is moved`,
        );
      this.isTidy = true;
    } finally {
      clearInterval(beat);
      await move.giveUp();
    }
  }

  /** Waits for the end of an attempt that is silent. @throws MoveActiveError for one that is not */
  private async beginWhenSilent(): Promise<Move> {
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
          this.listener.say(
            'waiting: another attempt is under way, or was killed within the last ten seconds',
          );
      }
      await delay(LOOK);
    }
  }

  private async attempt(streams: readonly StreamName[]): Promise<MoveResult> {
    const began = performance.now();
    const { redis, topology } = this;
    const attempt = newAttempt();
    const move = await Move.begin(redis, topology, attempt, streams);
    this.move = move;
    this.isLost = false;
    const beat = setInterval(() => void this.beat(move).catch(() => {}), BEAT);
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
      clearInterval(beat);
      this.deadline = undefined;
    }
  }

  private async prepare(moves: readonly StreamMove[], streams: readonly StreamName[]): Promise<void> {
    for (const each of moves) await each.prepare();
    do await this.follow(moves);
    while (await this.untilMovable(streams));
  }

  private async follow(moves: readonly StreamMove[]): Promise<void> {
    for (let round = 0; round < ROUNDS; round++) {
      let came = 0;
      for (const each of moves) came += await each.follow();
      if (came <= FEW) return;
    }
  }

  /** @returns milliseconds for which the log took no events */
  private async switch(
    move: Move,
    moves: readonly StreamMove[],
    counts: Counts,
    skipped: Awaited<ReturnType<typeof assertMovable>>,
  ): Promise<number> {
    await this.assertHeld(move);
    this.listener.say('all but the last events are moved: writes are refused for a moment');
    const began = performance.now();
    this.deadline = began + MAX_PAUSE;
    await move.close();
    const [after] = await Promise.all([
      assertMovable(this.redis, this.topology, move.streams),
      ...moves.map(each => each.finish()),
    ]);
    if (move.streams.some(stream => !isSame(skipped[stream], after[stream])))
      throw new RepartitionRefusedError('dead letters were dropped meanwhile: run the command again', true);
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

  /** Until nobody goes by the old partitions any more. */
  private async leave(
    moves: readonly StreamMove[],
    old: readonly (readonly PartitionKeys[])[],
  ): Promise<void> {
    this.topology.update(await readTopology(this.redis, this.topology.prefix));
    await confirmByReplicas(this.redis);
    await delay(GRACE);
    for (const [i, each] of moves.entries()) await each.bury(old[i] ?? []);
    await delay(this.underWay);
  }

  /** Has the log be what it was. @returns whether it was moved nevertheless */
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
      // Then the processes open it again, when they have not heard of this one for long.
    }
    return false;
  }

  /** Deletes what nobody has any use for after a switch. @returns how many keys it was */
  private async dropPast(streams: readonly StreamName[]): Promise<number> {
    const { prefix, epochs } = this.topology;
    let dropped = 0;
    for (const stream of streams) {
      // Whoever has moved it may have died before that.
      await entombBefore(this.redis, this.topology, stream);
      const isPast = (epoch: number) => epoch < epochs[stream];
      dropped += await dropPartitions(this.redis, prefix, stream, isPast, 'all but tombs');
    }
    return dropped;
  }

  /** Deletes what attempts left that died before a switch. @returns how many keys it was */
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

  /** Waits for rebuilds and comparisons, and for players who are being erased. @returns whether there was a wait */
  private async untilMovable(streams: readonly StreamName[]): Promise<boolean> {
    for (let isWaiting = false; ; isWaiting = true) {
      try {
        await assertQuiet(this.redis, this.topology);
        await assertMovable(this.redis, this.topology, streams);
        return isWaiting;
      } catch (error) {
        if (!(error instanceof RepartitionRefusedError && error.passes)) throw error;
        if (!isWaiting) this.listener.say(`waiting: ${error.message}`);
        if (this.isLost) throw new MoveActiveError();
      }
      await delay(LOOK);
    }
  }

  private async tick(phase: string, processed: number, total: number): Promise<void> {
    if (this.isLost) throw new MoveActiveError();
    if (this.deadline !== undefined && performance.now() > this.deadline)
      throw new PauseTooLongError(MAX_PAUSE / 1_000);
    this.listener.onProgress(phase, processed, total);
  }

  /** One that fails tells nothing: whether the attempt is still held is asked again before anything that matters. */
  private async beat(move: Move): Promise<void> {
    const isHeld = await move.keep();
    if (!isHeld && move === this.move) this.isLost = true;
  }

  private async assertHeld(move: Move): Promise<void> {
    if (this.isLost || !(await move.keep())) throw new MoveActiveError();
  }
}

/** Something came in between that will be over. */
const isPassing = (error: unknown) =>
  error instanceof LogChangedError ||
  error instanceof PlayerBeingErasedError ||
  error instanceof RevokedMeanwhileError ||
  (error instanceof RepartitionRefusedError && error.passes);

const newAttempt = () => randomBytes(9).toString('hex');

const pick = (counts: Counts, streams: readonly StreamName[]): Partial<Record<StreamName, number>> =>
  Object.fromEntries(streams.map(stream => [stream, counts[stream]]));

function isSame(
  a: ReadonlyMap<string, readonly string[]>,
  b: ReadonlyMap<string, readonly string[]>,
): boolean {
  return a.size === b.size && [...a].every(([place, groups]) => b.get(place)?.join() === groups.join());
}
