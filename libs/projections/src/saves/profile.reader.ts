import type { Topology } from '#libs/event-log';
import type { JsonObject } from '#libs/events';
import { type RedisClient, Script, type StateKeys } from '#libs/redis';
import { LiveState } from '../live-state.js';
import { fieldsOf } from './profile.fold.js';
import { parseProfile } from './profile.store.js';
import { saves } from './save.store.js';

export interface Profile {
  readonly version: number;
  readonly fields: JsonObject;
}

const readFields = new Script<(string | null)[]>('read-fields');

export class ProfileReader {
  private readonly live: LiveState;

  constructor(
    redis: RedisClient,
    private readonly topology: Topology,
  ) {
    this.live = new LiveState(redis, saves.name);
  }

  /** @returns nothing when the player never had one */
  async profile(player: string): Promise<Profile | undefined> {
    return (await this.profiles([player])).get(player);
  }

  /** The profiles of those who have one, by player. @param players at most 1,000 */
  profiles(players: readonly string[]): Promise<Map<string, Profile>> {
    return this.fields(players, state => state.profiles(), toProfile);
  }

  /**
   * The names of those who have one, by player.
   *
   * @param players at most 1,000; each partition is asked once, all of them at the same time
   */
  names(players: readonly string[]): Promise<Map<string, string>> {
    return this.fields(
      players,
      state => state.names(),
      name => name,
    );
  }

  private async fields<T>(
    players: readonly string[],
    hash: (state: StateKeys) => string,
    parse: (text: string) => T,
  ): Promise<Map<string, T>> {
    const byPartition = Map.groupBy(new Set(players), player => this.topology.of('players', player));
    const found = await Promise.all(
      [...byPartition].map(async ([keys, group]) => {
        const values = await this.live.read(readFields, keys, state => [hash(state)], group);
        return values.flatMap((text, i) => (text == null ? [] : [[group[i] ?? '', parse(text)] as const]));
      }),
    );
    return new Map(found.flat());
  }
}

function toProfile(text: string): Profile {
  const profile = parseProfile(text);
  return { version: profile.version, fields: fieldsOf(profile) };
}
