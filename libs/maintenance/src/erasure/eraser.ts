import { createHash, randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { LogDamagedError, type PartitionKeys, type Topology } from '#libs/event-log';
import { STREAMS, type StreamName } from '#libs/events';
import { leaderboards } from '#libs/leaderboards';
import type { Projection } from '#libs/projections';
import { isRedisUnavailable, type RedisClient, readWholeHash } from '#libs/redis';
import { EraserReplacedError } from '../errors.js';
import { eraserEpochKey, eraserLeaseKey } from '../jobs/job-keys.js';
import type { JobLog } from '../jobs/job-runner.js';
import { Jobs } from '../jobs/jobs.js';
import { buildKey } from '../keys.js';
import { script } from '../lua.js';
import { BuildLostError } from '../rebuild/partition-build.js';
import { Rebuild } from '../rebuild/rebuild.js';
import { sweep } from '../rebuild/sweep.js';
import { ErasingPlayers, type Erasure } from './erasing-players.js';
import { Purge } from './purge.js';

/** Milliseconds between two looks for players to erase. */
const LOOK = 250;
/** Milliseconds between two looks, at most, while erasing fails: less than the lease, so that it stays in one process. */
const MAX_WAIT_MS = 4_000;
/** Milliseconds after which another process takes over from one that is silent. */
const LEASE = 5_000;
/** Milliseconds between two looks for a build to be over. */
const PATIENCE = 100;
/** Milliseconds between two passes through the log, at most: it rests as long as it has worked, and takes whoever came meanwhile. */
const LONGEST_REST = 10_000;
/** Boards that are built anew by one pass through a partition, at most: they are switched at one moment. */
const BOARDS_TOGETHER = 100;
/** Events that are looked for in one go. */
const TOGETHER = 100;

/** Names jobs of an eraser, which are none that anybody can ask for. */
const JOB = 'erasure';
/** How fields begin that name boards to be built anew. */
const BOARD = 'board:';

type Projected = Pick<Projection<never>, 'name' | 'stream' | 'kinds'>;

const lease = script<number>('lease');

/**
 * Erases players, in one process at a time, whichever it is. All that must not be forgotten is in Redis: another one goes
 * on at any point, and what one does that was taken for dead is refused.
 *
 * A player goes from all projections first. Then, as long as no rebuild or comparison is under way, the player's events go,
 * for all who are so far in one pass through the log.
 */
export class Eraser {
  private readonly owner = `${hostname()}-${process.pid}-${randomBytes(3).toString('hex')}`;
  private readonly jobs: Jobs;
  private readonly groups: Readonly<Record<StreamName, readonly string[]>>;
  /** While this process has the lease: counts who had it. */
  private players: ErasingPlayers | undefined;
  private nextLook = 0;
  private nextHold = 0;
  /** Until then, events stay. */
  private restsUntil = 0;
  private lastBreath = performance.now();
  private looking: Promise<void> | undefined;
  private stopping = false;
  private readonly ending = new AbortController();
  private lastFault = '';

  constructor(
    private readonly redis: RedisClient,
    private readonly topology: Topology,
    private readonly projections: readonly Projected[],
    private readonly logger: JobLog,
  ) {
    this.jobs = new Jobs(redis, topology);
    const namesOf = (stream: StreamName) =>
      projections.filter(projection => projection.stream === stream).map(({ name }) => name);
    this.groups = { scores: namesOf('scores'), players: namesOf('players') };
  }

  /** Looks for players to erase until it is stopped. */
  start(): void {
    this.looking ??= this.look();
  }

  async stop(): Promise<void> {
    this.stopping = true;
    this.ending.abort();
    await this.looking;
    await this.giveBack().catch(() => {});
  }

  /** One look, and what it shows is to be done. @returns whether anybody is being erased still, as far as this process knows */
  async run(): Promise<boolean> {
    const players = await this.lead();
    if (!players || !(await this.isAnybody())) return false;
    const gone = (await players.advance()).filter(({ isGone }) => isGone);
    if (gone.length > 0 && performance.now() >= this.restsUntil) await this.delete(players, gone);
    return this.isAnybody();
  }

  /** Each pass reads the whole log: a guest who comes and goes must not have it read without end. */
  private restAfter(begun: number): void {
    const now = performance.now();
    if (this.looking !== undefined) this.restsUntil = now + Math.min(now - begun, LONGEST_REST);
  }

  private async look(): Promise<void> {
    let failures = 0;
    while (!this.stopping) {
      try {
        await this.run();
        failures = 0;
        this.lastFault = '';
      } catch (error) {
        failures += 1;
        this.report(error as Error);
      }
      // Whoever does not have the lease needs to know only when it is free.
      await this.wait(Math.min((this.players ? 1 : 4) * LOOK * 2 ** Math.min(failures, 4), MAX_WAIT_MS));
    }
  }

  /** Says what keeps players from being erased, once until it is something else. */
  private report(error: Error): void {
    if (error instanceof EraserReplacedError || error instanceof StoppedError) {
      this.players = undefined;
      return;
    }
    if (isRedisUnavailable(error) || error.message === this.lastFault) return;
    this.lastFault = error.message;
    const text = 'code' in error ? error.message : error.stack;
    this.logger.error(`erasing players, which is tried again: ${text}`);
  }

  private async wait(milliseconds: number): Promise<void> {
    const { signal } = this.ending;
    // An abort ends the wait, and is no error.
    await delay(milliseconds, undefined, { signal }).catch(() => {});
  }

  /** @returns nothing while another process erases */
  private async lead(): Promise<ErasingPlayers | undefined> {
    const { prefix } = this.topology;
    if ((await lease.run(this.redis, [eraserLeaseKey(prefix)], [this.owner, LEASE])) === 0) {
      this.players = undefined;
    } else if (!this.players) {
      const epoch = await this.redis.incr(eraserEpochKey(prefix));
      const onStep = () => this.hold();
      this.players = new ErasingPlayers(this.redis, this.topology, this.groups, epoch, onStep);
    }
    return this.players;
  }

  /** Keeps the lease during whatever takes long. @throws EraserReplacedError, StoppedError */
  private async hold(): Promise<void> {
    const now = performance.now();
    if (now < this.nextHold) return;
    this.nextHold = now + LOOK;
    if (this.stopping) throw new StoppedError();
    const { players } = this;
    if (!players || (await this.lead()) !== players) throw new EraserReplacedError();
  }

  private async giveBack(): Promise<void> {
    await lease.run(this.redis, [eraserLeaseKey(this.topology.prefix)], [this.owner, 0]);
    this.players = undefined;
  }

  private async isAnybody(): Promise<boolean> {
    const all = STREAMS.flatMap(stream => this.topology.all(stream));
    const found = await Promise.all(all.map(keys => this.redis.exists(keys.erasing())));
    return found.some(Boolean);
  }

  /** Deletes the events of the players, and has the boards be what they are without them. */
  private async delete(players: ErasingPlayers, gone: readonly Erasure[]): Promise<void> {
    const partitions = [...new Set(gone.flatMap(({ events }) => [...events.keys()]))];
    const flags = partitions.map(keys => keys.erasures());
    // Said before it is looked: of this process and one that begins a job, one sees the other.
    const said = await Promise.all(flags.map(key => this.redis.hsetnx(key, 'purging', players.epoch)));
    const isBegun = said.includes(0);
    const unsay = () => Promise.all(flags.map(key => this.redis.hdel(key, 'purging')));
    // What is begun must be ended: who compares waits for it.
    if (!isBegun && (await this.isBusy())) return void (await unsay());
    const begun = performance.now();
    for (const keys of partitions) await this.purge(players, keys, gone);
    await this.mendAll(players, partitions);
    await unsay();
    await players.letGo(gone);
    this.restAfter(begun);
    this.logger.log(`erased ${gone.length} players`);
  }

  /** Whether a projection is rebuilt or compared: events that go meanwhile would have it begin anew. */
  private async isBusy(): Promise<boolean> {
    const active = await Promise.all(this.projections.map(({ name }) => this.jobs.active(name)));
    return active.some(job => job !== undefined);
  }

  private async purge(players: ErasingPlayers, keys: PartitionKeys, gone: readonly Erasure[]): Promise<void> {
    const known = gone.flatMap(({ player, events }) => {
      const event = events.get(keys);
      return event === undefined ? [] : [[player, event] as const];
    });
    const here = await this.stillIn(keys, known);
    if (here.length === 0) return;
    const { epoch } = players;
    const groups = this.groups[keys.streamName];
    const onPage = () => this.pause(players);
    const purge = new Purge(this.redis, keys, { epoch, players: new Map(here), groups, onPage });
    const dropped = await purge.run();
    for (const projection of this.projections)
      if (dropped.includes(projection.name)) await sweep(this.redis, this.topology, projection);
  }

  /** Those whose erasing event is there: it goes last, and one who died meanwhile may have been through the partition. */
  private async stillIn<Player extends readonly [player: string, event: string]>(
    keys: PartitionKeys,
    known: readonly Player[],
  ): Promise<Player[]> {
    const here: Player[] = [];
    for (let at = 0; at < known.length; at += TOGETHER) {
      await this.hold();
      const some = known.slice(at, at + TOGETHER);
      const found = await Promise.all(some.map(([, event]) => this.redis.xrange(keys.stream, event, event)));
      here.push(...some.filter((_, i) => found[i]?.length === 1));
    }
    return here;
  }

  /** Half of the time belongs to the events that this process projects. */
  private async breathe(): Promise<void> {
    if (this.looking !== undefined) await delay(Math.min(performance.now() - this.lastBreath, LOOK));
    this.lastBreath = performance.now();
  }

  /** Between two pieces of work: whoever came meanwhile need not wait for the end of it. */
  private async pause(players: ErasingPlayers): Promise<void> {
    await this.breathe();
    const now = performance.now();
    if (now < this.nextLook) return;
    this.nextLook = now + LOOK;
    if (this.stopping) throw new StoppedError();
    if ((await this.lead()) !== players) throw new EraserReplacedError();
    await players.advance();
  }

  /**
   * What has lost events cannot be built anew. It keeps the players from being let go, not other partitions from being mended.
   *
   * @throws LogDamagedError
   */
  private async mendAll(players: ErasingPlayers, partitions: readonly PartitionKeys[]): Promise<void> {
    let damage: LogDamagedError | undefined;
    for (const keys of partitions) {
      try {
        await this.mend(players, keys);
      } catch (error) {
        if (!(error instanceof LogDamagedError)) throw error;
        damage ??= error;
      }
    }
    if (damage) throw damage;
  }

  /** Builds boards anew that could be others without the events. */
  private async mend(players: ErasingPlayers, keys: PartitionKeys): Promise<void> {
    const fields = Object.keys(await readWholeHash(this.redis, keys.erasures()));
    const all = fields.filter(name => name.startsWith(BOARD)).sort();
    for (let at = 0; at < all.length; at += BOARDS_TOGETHER) {
      const some = all.slice(at, at + BOARDS_TOGETHER);
      const boards = some.map(field => field.slice(BOARD.length));
      while (!(await this.rebuild(players, keys, boards))) await delay(PATIENCE);
      await this.redis.hdel(keys.erasures(), ...some);
    }
  }

  /** @returns false while others build there */
  private async rebuild(
    players: ErasingPlayers,
    keys: PartitionKeys,
    boards: readonly string[],
  ): Promise<boolean> {
    await this.pause(players);
    const job = await this.redis.hget(buildKey(keys, leaderboards.name), 'job');
    if (job !== null && !job.startsWith(JOB)) return false;
    // While a barrier holds the workers, there is no pause.
    let onProgress = () => this.pause(players);
    const digest = createHash('sha256').update(boards.join(' ')).digest('base64url');
    const options = {
      job: `${JOB}-${players.epoch}-${digest}`,
      owner: this.owner,
      boards,
      onProgress: () => onProgress(),
    };
    try {
      const rebuild = new Rebuild(this.redis, leaderboards, options);
      const build = await rebuild.prepare(keys);
      onProgress = () => this.hold();
      await rebuild.finish(keys, build);
    } catch (error) {
      if (error instanceof BuildLostError) return false;
      throw error;
    }
    return true;
  }
}

/** This process is to end: another one goes on. */
class StoppedError extends Error {}
