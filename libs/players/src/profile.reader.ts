import type { PartitionKeys, Topology } from '#libs/event-log';
import type { JsonObject } from '#libs/events';
import { LiveState, readFields, type StateKeys } from '#libs/projections';
import { BatchLoader, type RedisClient } from '#libs/redis';
import { DOCUMENTS_GROUP } from '#libs/search';
import { fieldsOf } from './profile.fold.js';
import { parseProfile } from './profile.store.js';

export interface Profile {
  readonly version: number;
  readonly fields: JsonObject;
}

/** Gives the key of a hash in the live generation. */
type Kind = 'profiles' | 'names';

/** Players of one partition. */
interface Asked {
  readonly keys: PartitionKeys;
  readonly kind: Kind;
  readonly players: string[];
}

/** Limits of one call. A name is short; a profile has up to 8 KiB. */
const CALL_LISTS = 64;
const CALL_WEIGHT = 1_000;
const WEIGHTS: Readonly<Record<Kind, number>> = { names: 1, profiles: 5 };

export class ProfileReader {
  private readonly live: LiveState;
  private readonly batched: BatchLoader<Asked, readonly (string | null)[]>;

  constructor(
    redis: RedisClient,
    private readonly topology: Topology,
  ) {
    this.live = new LiveState(redis, DOCUMENTS_GROUP);
    this.batched = new BatchLoader(redis, asked => this.read(asked), {
      items: CALL_LISTS,
      weigh: ({ kind, players }) => WEIGHTS[kind] * players.length,
      weight: CALL_WEIGHT,
    });
  }

  /** @returns undefined if the player never had one */
  async profile(player: string): Promise<Profile | undefined> {
    return (await this.profiles([player])).get(player);
  }

  /** Profiles by player, for players who have one. @param players at most 1,000 */
  profiles(players: readonly string[]): Promise<Map<string, Profile>> {
    return this.fields(players, 'profiles', toProfile);
  }

  /**
   * Names by player, for players who have one. An answer is useful without names, so a partition that fails contributes none.
   *
   * @param players at most 1,000; each partition is queried once, all in parallel
   */
  names(players: readonly string[]): Promise<Map<string, string>> {
    return this.fields(
      players,
      'names',
      name => name,
      () => [],
    );
  }

  private async fields<T>(
    players: readonly string[],
    kind: Kind,
    parse: (text: string) => T,
    onError?: (error: unknown) => readonly null[],
  ): Promise<Map<string, T>> {
    const places = new Map<PartitionKeys, string[]>();
    for (const player of players) {
      const keys = this.topology.of('players', player);
      const others = places.get(keys);
      if (others) others.push(player);
      else places.set(keys, [player]);
    }
    const found = new Map<string, T>();
    await Promise.all(
      [...places].map(async ([keys, players]) => {
        const group = `${kind} ${keys.stream}`;
        const texts = await this.batched.load({ keys, kind, players }, keys.stream, group).catch(onError);
        for (const [i, player] of players.entries()) {
          const text = texts?.[i];
          if (typeof text === 'string') found.set(player, parse(text));
        }
      }),
    );
    return found;
  }

  /** @param asked requests for one partition and one hash */
  private async read(asked: readonly Asked[]): Promise<(readonly (string | null)[])[]> {
    const [{ keys, kind }] = asked as [Asked];
    const players = asked.flatMap(each => each.players);
    const touches = (state: StateKeys) => [state.key(kind)];
    const texts = (await this.live.read(readFields, keys, touches, players)).values();
    return asked.map(each => each.players.map(() => texts.next().value ?? null));
  }
}

function toProfile(text: string): Profile {
  const profile = parseProfile(text);
  return { version: profile.version, fields: fieldsOf(profile) };
}
