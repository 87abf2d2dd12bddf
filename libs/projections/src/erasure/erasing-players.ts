import type { Topology } from '#libs/event-log';
import { type NewEvent, packEvent, type StreamName, unpackEvent } from '#libs/events';
import { type PartitionKeys, type RedisClient, Script } from '#libs/redis';
import { pairs } from '../pairs.js';
import { forgetLogins } from './forget-logins.js';

/** A player who is being erased. */
export interface Erasure {
  readonly player: string;
  /** The event that erases the player in each partition where it is known. */
  readonly events: ReadonlyMap<PartitionKeys, string>;
  /** Whether nothing but the log has the player any more. */
  readonly isGone: boolean;
}

/** By partition: players, and what is kept of each. */
type Kept = ReadonlyMap<PartitionKeys, ReadonlyMap<string, string>>;

const GONE = ' gone';

const listErasing = new Script<string[]>('list-erasing');
const announceErasure = new Script<string>('announce-erasure');
const updateErasing = new Script<number>('update-erasing');
const applied = new Script<string>('applied');

/**
 * The players who are being erased, and how far that is. What is kept of it in their own partitions is the truth: in those
 * of scores, a player follows after it, and is let go after it.
 */
export class ErasingPlayers {
  /** @param epoch of who erases: what an earlier one does is refused from now on */
  constructor(
    private readonly redis: RedisClient,
    private readonly topology: Topology,
    private readonly groups: Readonly<Record<StreamName, readonly string[]>>,
    readonly epoch: number,
  ) {}

  /**
   * Has every partition of scores know of every player, and finds out who is gone from all projections.
   *
   * @throws EraserReplacedError
   */
  async advance(): Promise<Erasure[]> {
    // In this order: of whom only the scores know, the erasure is over.
    const ofScores = await this.list('scores');
    const ofPlayers = await this.list('players');
    await this.letGoOfOthers(ofScores, ofPlayers);
    const known = [...ofPlayers].flatMap(([keys, players]) =>
      [...players].map(([player, kept]) => ({ keys, player, kept })),
    );
    const erasures: Erasure[] = [];
    for (const { keys, player, kept } of known) {
      const isGone = kept.endsWith(GONE);
      const event = isGone ? kept.slice(0, -GONE.length) : kept;
      const events = new Map([[keys, event]]);
      for (const [scores, players] of ofScores) {
        const there = players.get(player) ?? (await this.announce(keys, event, scores, player));
        if (there !== undefined) events.set(scores, there);
      }
      erasures.push({ player, events, isGone });
    }
    return this.withGone(erasures);
  }

  /** Lets a player begin anew whose events are gone: first where it is the truth that there is nothing to erase. */
  async letGo({ player, events }: Erasure): Promise<void> {
    await forgetLogins(this.redis, this.topology, player);
    for (const [keys, event] of events)
      await updateErasing.run(this.redis, [keys.erasing()], [player, this.keptIn(keys, event), '']);
  }

  private keptIn({ streamName }: PartitionKeys, event: string): string {
    return streamName === 'players' ? event + GONE : event;
  }

  private async list(stream: StreamName): Promise<Kept> {
    const lists = this.topology.all(stream).map(async keys => {
      const flat = await listErasing.run(this.redis, [keys.erasing(), keys.erasures()], [this.epoch]);
      return [keys, new Map(pairs(flat))] as const;
    });
    return new Map(await Promise.all(lists));
  }

  /** Whoever let go of them died before all partitions had. */
  private async letGoOfOthers(ofScores: Kept, ofPlayers: Kept): Promise<void> {
    for (const [keys, players] of ofScores)
      for (const [player, event] of players)
        if (!ofPlayers.get(this.topology.of('players', player))?.has(player))
          await updateErasing.run(this.redis, [keys.erasing()], [player, event, '']);
  }

  /** @returns nothing when all events of the player are deleted already */
  private async announce(
    home: PartitionKeys,
    event: string,
    scores: PartitionKeys,
    player: string,
  ): Promise<string | undefined> {
    const [entry] = await this.redis.xrange(home.stream, event, event);
    if (!entry) return undefined;
    const { actor } = unpackEvent(...entry);
    const { e } = packEvent({ type: 'ScoresErased', data: { player }, actor } satisfies NewEvent);
    return announceErasure.run(
      this.redis,
      [scores.stream, scores.erasing(), scores.erasures(), scores.gate()],
      [this.epoch, player, e],
    );
  }

  private async withGone(erasures: readonly Erasure[]): Promise<Erasure[]> {
    const open = erasures.filter(({ isGone }) => !isGone);
    const gone = new Set<Erasure>();
    for (const erasure of open) {
      const all = await Promise.all([...erasure.events].map(([keys, id]) => this.isApplied(keys, id)));
      if (!all.every(Boolean)) continue;
      await forgetLogins(this.redis, this.topology, erasure.player);
      await this.noteGone(erasure);
      gone.add(erasure);
    }
    return erasures.map(erasure => (gone.has(erasure) ? { ...erasure, isGone: true } : erasure));
  }

  private async noteGone({ player, events }: Erasure): Promise<void> {
    const keys = this.topology.of('players', player);
    const event = events.get(keys) ?? '';
    await updateErasing.run(this.redis, [keys.erasing()], [player, event, event + GONE]);
  }

  /** Whether the event, and all before it, have taken effect for every group: as a dead letter, it has not. */
  private async isApplied(keys: PartitionKeys, id: string): Promise<boolean> {
    const groups = this.groups[keys.streamName];
    const skipped = groups.map(group => keys.skipped(group));
    const reached = await applied.run(
      this.redis,
      [keys.stream, keys.erasing(), ...skipped],
      [JSON.stringify(groups), JSON.stringify([`~${id}`])],
    );
    if (reached !== '1') return false;
    const dead = await Promise.all(skipped.map(key => this.redis.hexists(key, id)));
    return dead.every(found => found === 0);
  }
}
