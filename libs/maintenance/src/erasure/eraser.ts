import { createHash, randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { LogDamagedError, type PartitionKeys, PartitionLog, type Topology } from '#libs/event-log';
import { STREAMS, type StreamName } from '#libs/events';
import { leaderboards } from '#libs/leaderboards';
import type { Projection } from '#libs/projections';
import { isRedisUnavailable, type RedisClient, readWholeHash } from '#libs/redis';
import { EraserReplacedError } from '../errors.js';
import { eraserEpochKey, eraserLeaseKey } from '../jobs/job-keys.js';
import type { JobLog } from '../jobs/job-runner.js';
import { Jobs } from '../jobs/jobs.js';
import { PollLoop } from '../jobs/poll-loop.js';
import { buildKey } from '../keys.js';
import { script } from '../lua.js';
import { BuildLostError } from '../rebuild/partition-build.js';
import { Rebuild } from '../rebuild/rebuild.js';
import { sweep } from '../rebuild/sweep.js';
import { ErasingPlayers, type Erasure } from './erasing-players.js';
import { Purge } from './purge.js';

/** How often to look for players to erase. */
const POLL_INTERVAL_MS = 250;
/** Maximum delay between attempts while erasing fails. Less than the lease, so that the same process keeps it. */
const MAX_WAIT_MS = 4_000;
/** After this time without a renewal, another process takes over. */
const LEASE_MS = 5_000;
/** How often to check whether a build has finished. */
const BUILD_POLL_INTERVAL_MS = 100;
/** Maximum pause between two passes through the log. A pause is as long as the pass before, and the next pass includes players added meanwhile. */
const MAX_REST_MS = 10_000;
/** Maximum boards rebuilt in one pass through a partition. They are switched at the same moment. */
const MAX_BOARDS_PER_PASS = 100;
/** Maximum events in one query. */
const MAX_EVENTS_PER_QUERY = 100;

/** The job id of the eraser's builds. It cannot be queried. */
const ERASURE_JOB = 'erasure';
/** The prefix of fields that name boards to rebuild. */
const BOARD_FIELD_PREFIX = 'board:';

type Projected = Pick<Projection<never>, 'name' | 'stream' | 'kinds'>;

const lease = script<number>('lease');

/**
 * Erases players. One process at a time does it. Its progress is in Redis, so another process can continue at any point, and
 * writes of a process that has lost its lease are refused.
 *
 * A player is first removed from all projections. Then, while no rebuild or verification is running, one pass through the log
 * deletes the events of all players who have reached that point.
 */
export class Eraser {
  private readonly owner = `${hostname()}-${process.pid}-${randomBytes(3).toString('hex')}`;
  private readonly jobs: Jobs;
  private readonly groups: Readonly<Record<StreamName, readonly string[]>>;
  /** The fencing number of the lease; unset while another process holds it. */
  private players: ErasingPlayers | undefined;
  private nextLook = 0;
  private nextHold = 0;
  /** Events are not deleted before this time. */
  private restsUntil = 0;
  private lastBreath = performance.now();
  private readonly loop: PollLoop;

  constructor(
    private readonly redis: RedisClient,
    private readonly topology: Topology,
    private readonly projections: readonly Projected[],
    private readonly logger: JobLog,
  ) {
    this.jobs = new Jobs(redis, topology);
    this.loop = new PollLoop(
      () => this.look(),
      // A process without the lease only has to notice when it becomes free.
      failures =>
        Math.min((this.players ? 1 : 4) * POLL_INTERVAL_MS * 2 ** Math.min(failures, 4), MAX_WAIT_MS),
      error => this.report(error),
    );
    const namesOf = (stream: StreamName) =>
      projections.filter(projection => projection.stream === stream).map(({ name }) => name);
    this.groups = { scores: namesOf('scores'), players: namesOf('players') };
  }

  /** Polls for players to erase until it is stopped. */
  start(): void {
    this.loop.start();
  }

  async stop(): Promise<void> {
    await this.loop.stop();
    await this.giveBack().catch(() => {});
  }

  /** One poll and the work it finds. @returns whether players remain to be erased, as far as this process knows */
  async run(): Promise<boolean> {
    const players = await this.lead();
    if (!players || !(await this.isAnybody())) return false;
    const gone = (await players.advance()).filter(({ isGone }) => isGone);
    if (gone.length > 0 && performance.now() >= this.restsUntil) await this.delete(players, gone);
    return this.isAnybody();
  }

  /** Each pass reads the whole log, so guests who come and go must not trigger pass after pass. */
  private restAfter(begun: number): void {
    const now = performance.now();
    if (this.loop.isStarted) this.restsUntil = now + Math.min(now - begun, MAX_REST_MS);
  }

  private async look(): Promise<void> {
    try {
      await this.run();
    } catch (error) {
      // The next look takes the lease again, with a new fencing number.
      if (isHandedOver(error)) this.players = undefined;
      throw error;
    }
  }

  private report(error: Error): void {
    if (isHandedOver(error) || isRedisUnavailable(error)) return;
    const text = 'code' in error ? error.message : error.stack;
    this.logger.error(`erasing players, which is tried again: ${text}`);
  }

  /** @returns undefined while another process holds the lease */
  private async lead(): Promise<ErasingPlayers | undefined> {
    const { prefix } = this.topology;
    if ((await lease.run(this.redis, [eraserLeaseKey(prefix)], [this.owner, LEASE_MS])) === 0) {
      this.players = undefined;
    } else if (!this.players) {
      const epoch = await this.redis.incr(eraserEpochKey(prefix));
      const onStep = () => this.hold();
      this.players = new ErasingPlayers(this.redis, this.topology, this.groups, epoch, onStep);
    }
    return this.players;
  }

  /** Renews the lease during long work. @throws EraserReplacedError, StoppedError */
  private async hold(): Promise<void> {
    const now = performance.now();
    if (now < this.nextHold) return;
    this.nextHold = now + POLL_INTERVAL_MS;
    if (this.loop.isStopping) throw new StoppedError();
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

  /** Deletes the events of the players, and rebuilds the boards that those events had changed. */
  private async delete(players: ErasingPlayers, gone: readonly Erasure[]): Promise<void> {
    const partitions = [...new Set(gone.flatMap(({ events }) => [...events.keys()]))];
    const flags = partitions.map(keys => keys.erasures());
    // Announce first, then check: of this process and one that starts a job, at least one sees the other.
    const said = await Promise.all(flags.map(key => this.redis.hsetnx(key, 'purging', players.epoch)));
    const isBegun = said.includes(0);
    const unsay = () => Promise.all(flags.map(key => this.redis.hdel(key, 'purging')));
    // Must be cleared in any case: verifications wait for it.
    if (!isBegun && (await this.isBusy())) return void (await unsay());
    const begun = performance.now();
    for (const keys of partitions) await this.purge(players, keys, gone);
    await this.mendAll(players, partitions);
    await unsay();
    await players.letGo(gone);
    this.restAfter(begun);
    this.logger.log(`erased ${gone.length} players`);
  }

  /** Whether a rebuild or verification is running: deleting events during one would make it start over. */
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

  /** Players whose erasing event is still in the log. It is deleted last, and an eraser that died may have finished the partition. */
  private async stillIn<Player extends readonly [player: string, event: string]>(
    keys: PartitionKeys,
    known: readonly Player[],
  ): Promise<Player[]> {
    const here: Player[] = [];
    for (let at = 0; at < known.length; at += MAX_EVENTS_PER_QUERY) {
      await this.hold();
      const some = known.slice(at, at + MAX_EVENTS_PER_QUERY);
      const log = new PartitionLog(this.redis, keys);
      const found = await Promise.all(some.map(([, event]) => log.event(event)));
      here.push(...some.filter((_, i) => found[i]));
    }
    return here;
  }

  /** Leaves half of the time to the events that this process projects. */
  private async breathe(): Promise<void> {
    if (this.loop.isStarted) await delay(Math.min(performance.now() - this.lastBreath, POLL_INTERVAL_MS));
    this.lastBreath = performance.now();
  }

  /** Called between two pieces of work, so that players added meanwhile need not wait for the end. */
  private async pause(players: ErasingPlayers): Promise<void> {
    await this.breathe();
    const now = performance.now();
    if (now < this.nextLook) return;
    this.nextLook = now + POLL_INTERVAL_MS;
    if (this.loop.isStopping) throw new StoppedError();
    if ((await this.lead()) !== players) throw new EraserReplacedError();
    await players.advance();
  }

  /**
   * A partition that has lost events cannot be rebuilt. It delays the end of the erasure, but not the work on other partitions.
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

  /** Rebuilds boards that could differ without the events. */
  private async mend(players: ErasingPlayers, keys: PartitionKeys): Promise<void> {
    const fields = Object.keys(await readWholeHash(this.redis, keys.erasures()));
    const all = fields.filter(name => name.startsWith(BOARD_FIELD_PREFIX)).sort();
    for (let at = 0; at < all.length; at += MAX_BOARDS_PER_PASS) {
      const some = all.slice(at, at + MAX_BOARDS_PER_PASS);
      const boards = some.map(field => field.slice(BOARD_FIELD_PREFIX.length));
      while (!(await this.rebuild(players, keys, boards))) await delay(BUILD_POLL_INTERVAL_MS);
      await this.redis.hdel(keys.erasures(), ...some);
    }
  }

  /** @returns false while another build is running there */
  private async rebuild(
    players: ErasingPlayers,
    keys: PartitionKeys,
    boards: readonly string[],
  ): Promise<boolean> {
    await this.pause(players);
    const job = await this.redis.hget(buildKey(keys, leaderboards.name), 'job');
    if (job !== null && !job.startsWith(ERASURE_JOB)) return false;
    // No pause while a barrier holds the workers.
    let onProgress = () => this.pause(players);
    const digest = createHash('sha256').update(boards.join(' ')).digest('base64url');
    const options = {
      job: `${ERASURE_JOB}-${players.epoch}-${digest}`,
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

/** This process is stopping; another one will continue. */
class StoppedError extends Error {}

const isHandedOver = (error: unknown): boolean =>
  error instanceof EraserReplacedError || error instanceof StoppedError;
