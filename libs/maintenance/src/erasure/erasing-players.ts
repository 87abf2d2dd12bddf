import { applied, type PartitionKeys, PartitionLog, type Topology } from '#libs/event-log';
import { type NewEvent, packEvent, type StreamName, unpackEvent } from '#libs/events';
import { pairs, type RedisClient } from '#libs/redis';
import { script } from '../lua.js';
import { forgetLogins } from './forget-logins.js';

/** A player who is being erased. */
export interface Erasure {
  readonly player: string;
  /** The event that erases the player, in each partition that knows of it; the player's own partition first. */
  readonly events: ReadonlyMap<PartitionKeys, string>;
  /** Whether the player remains in the log only. */
  readonly isGone: boolean;
}

/** By partition: the record of each player. */
type Kept = ReadonlyMap<PartitionKeys, ReadonlyMap<string, string>>;

/** A change of a player's record in a partition; empty for no record. */
type Update = readonly [player: string, kept: string, becomes: string];

const GONE = ' gone';
/** Maximum players or events in one call. */
const MAX_CALL_PLAYERS = 100;

const listErasing = script<[next: string, flat: string[]]>('list-erasing');
const announceErasure = script<string[]>('announce-erasure');
const updateErasing = script<number>('update-erasing');

/**
 * The players who are being erased, and their progress. The record in a player's own partition is authoritative: partitions of
 * scores learn of a player after it, and forget the player after it.
 *
 * Calls are batched, so that one poll takes a fraction of the lease even with many players and a slow Redis.
 */
export class ErasingPlayers {
  /**
   * @param epoch the eraser's fencing number; writes with an earlier one are refused from now on
   * @param onStep called between two steps; throws to stop
   */
  constructor(
    private readonly redis: RedisClient,
    private readonly topology: Topology,
    private readonly groups: Readonly<Record<StreamName, readonly string[]>>,
    readonly epoch: number,
    private readonly onStep: () => Promise<void> = async () => {},
  ) {}

  /**
   * Tells every partition of scores about every player, and finds the players who are gone from all projections.
   *
   * @throws EraserReplacedError
   */
  async advance(): Promise<Erasure[]> {
    // In this order: a player whom only partitions of scores know of has been erased.
    const ofScores = await this.list('scores');
    const ofPlayers = await this.list('players');
    await this.letGoOfOthers(ofScores, ofPlayers);
    const announced = await this.announceAll(ofScores, ofPlayers);
    const erasures = [...ofPlayers].flatMap(([keys, players]) =>
      [...players].map(([player, kept]): Erasure => {
        const isGone = kept.endsWith(GONE);
        const events = new Map([[keys, isGone ? kept.slice(0, -GONE.length) : kept]]);
        for (const known of [ofScores, announced])
          for (const [scores, others] of known) {
            const event = others.get(player);
            if (event !== undefined) events.set(scores, event);
          }
        return { player, events, isGone };
      }),
    );
    return this.withGone(erasures);
  }

  /** Ends the erasure of players whose events are gone, first in the authoritative partition. */
  async letGo(erasures: readonly Erasure[]): Promise<void> {
    await this.forget(erasures);
    for (const stream of ['players', 'scores'] as const) {
      const updates = new Map<PartitionKeys, Update[]>();
      for (const { player, events } of erasures)
        for (const [keys, event] of events)
          if (keys.streamName === stream)
            listIn(updates, keys).push([player, stream === 'players' ? event + GONE : event, '']);
      await this.update(updates);
    }
  }

  private async forget(erasures: readonly Erasure[]): Promise<void> {
    await this.inParts(erasures, some =>
      Promise.all(some.map(({ player }) => forgetLogins(this.redis, this.topology, player))),
    );
  }

  private async list(stream: StreamName): Promise<Kept> {
    const lists = this.topology.all(stream).map(async keys => {
      const players = new Map<string, string>();
      let cursor = '0';
      do {
        const touched = [keys.erasing(), keys.erasures()];
        const [next, flat] = await listErasing.run(this.redis, touched, [this.epoch, cursor]);
        for (const [player, kept] of pairs(flat)) players.set(player, kept);
        cursor = next;
      } while (cursor !== '0');
      return [keys, players] as const;
    });
    return new Map(await Promise.all(lists));
  }

  /** Players whose erasure ended in their own partition, but not in all others: the eraser died in between. */
  private async letGoOfOthers(ofScores: Kept, ofPlayers: Kept): Promise<void> {
    const updates = new Map<PartitionKeys, Update[]>();
    for (const [keys, players] of ofScores)
      for (const [player, event] of players)
        if (!ofPlayers.get(this.topology.of('players', player))?.has(player))
          listIn(updates, keys).push([player, event, '']);
    await this.update(updates);
  }

  /** @returns the players of whom partitions of scores heard just now, by these, and the events that erase them there */
  private async announceAll(ofScores: Kept, ofPlayers: Kept): Promise<Kept> {
    const news = [...ofPlayers].flatMap(([home, players]) =>
      [...players].flatMap(([player, kept]) => {
        const unaware = [...ofScores.keys()].filter(keys => !ofScores.get(keys)?.has(player));
        const event = kept.endsWith(GONE) ? kept.slice(0, -GONE.length) : kept;
        return unaware.length > 0 ? [{ home, player, event, unaware }] : [];
      }),
    );
    const packed = new Map<PartitionKeys, [player: string, event: string][]>();
    await this.inParts(news, some =>
      Promise.all(
        some.map(async ({ home, player, event, unaware }) => {
          const text = await this.announcement(home, event, player);
          if (text !== undefined) for (const keys of unaware) listIn(packed, keys).push([player, text]);
        }),
      ),
    );
    const announced = new Map<PartitionKeys, Map<string, string>>();
    for (const [keys, events] of packed) {
      const touched = [keys.stream, keys.erasing(), keys.erasures(), keys.gate()];
      await this.inParts(events, async some => {
        const ids = await announceErasure.run(this.redis, touched, [this.epoch, ...some.flat()]);
        const known = announced.get(keys) ?? new Map<string, string>();
        some.forEach(([player], i) => void known.set(player, ids[i] ?? ''));
        announced.set(keys, known);
      });
    }
    return announced;
  }

  /** @returns undefined if all events of the player are already deleted */
  private async announcement(
    home: PartitionKeys,
    event: string,
    player: string,
  ): Promise<string | undefined> {
    const entry = await new PartitionLog(this.redis, home).event(event);
    if (!entry) return undefined;
    const { actor } = unpackEvent(...entry);
    return packEvent({ type: 'ScoresErased', data: { player }, actor } satisfies NewEvent).e;
  }

  private async withGone(erasures: readonly Erasure[]): Promise<Erasure[]> {
    const open = erasures.filter(({ isGone }) => !isGone);
    const left = await this.notApplied(open);
    const gone = new Set(open.filter(erasure => !left.has(erasure)));
    await this.forget([...gone]);
    const updates = new Map<PartitionKeys, Update[]>();
    for (const { player, events } of gone) {
      const keys = this.topology.of('players', player);
      const event = events.get(keys) ?? '';
      listIn(updates, keys).push([player, event, event + GONE]);
    }
    await this.update(updates);
    return erasures.map(erasure => (gone.has(erasure) ? { ...erasure, isGone: true } : erasure));
  }

  /** Those of whom some partition has the event, or one before it, still to apply: as a dead letter, it has not. */
  private async notApplied(erasures: readonly Erasure[]): Promise<Set<Erasure>> {
    const left = new Set<Erasure>();
    const places = new Map<PartitionKeys, [Erasure, id: string][]>();
    for (const erasure of erasures)
      for (const [keys, id] of erasure.events) listIn(places, keys).push([erasure, id]);
    for (const [keys, all] of places) {
      const groups = this.groups[keys.streamName];
      const skipped = groups.map(group => keys.skipped(group));
      await this.inParts(all, async some => {
        const ids = some.map(([, id]) => id);
        const upTo = JSON.stringify(ids.map(id => `~${id}`));
        const touched = [keys.stream, keys.erasing(), ...skipped];
        const reached = await applied.run(this.redis, touched, [JSON.stringify(groups), upTo]);
        const dead = await Promise.all(skipped.map(key => this.redis.hmget(key, ...ids)));
        some.forEach(([erasure], i) => {
          if (reached[i] !== '1' || dead.some(marks => marks[i] != null)) left.add(erasure);
        });
      });
    }
    return left;
  }

  private async update(updates: ReadonlyMap<PartitionKeys, readonly Update[]>): Promise<void> {
    for (const [keys, all] of updates)
      await this.inParts(all, some => updateErasing.run(this.redis, [keys.erasing()], some.flat()));
  }

  private async inParts<T>(all: readonly T[], work: (some: readonly T[]) => Promise<unknown>): Promise<void> {
    for (let at = 0; at < all.length; at += MAX_CALL_PLAYERS) {
      await this.onStep();
      await work(all.slice(at, at + MAX_CALL_PLAYERS));
    }
  }
}

function listIn<Key, T>(lists: Map<Key, T[]>, key: Key): T[] {
  const list = lists.get(key) ?? [];
  lists.set(key, list);
  return list;
}
