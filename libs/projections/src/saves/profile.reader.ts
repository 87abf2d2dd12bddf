import type { Topology } from '#libs/event-log';
import type { JsonObject } from '#libs/events';
import { Batched, type PartitionKeys, type RedisClient, Script, type StateKeys } from '#libs/redis';
import { LiveState } from '../live-state.js';
import { fieldsOf } from './profile.fold.js';
import { parseProfile } from './profile.store.js';
import { saves } from './save.store.js';

export interface Profile {
  readonly version: number;
  readonly fields: JsonObject;
}

const readFields = new Script<(string | null)[]>('read-fields');

/** A hash of the live generation: what its key is. */
type Kind = 'profiles' | 'names';

interface Asked {
  readonly keys: PartitionKeys;
  readonly kind: Kind;
  readonly player: string;
}

export class ProfileReader {
  private readonly live: LiveState;
  private readonly batched = new Batched<Asked, string | null>(asked => this.read(asked));

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
    return this.fields(players, 'profiles', toProfile);
  }

  /**
   * The names of those who have one, by player.
   *
   * @param players at most 1,000; each partition is asked once, all of them at the same time
   */
  names(players: readonly string[]): Promise<Map<string, string>> {
    return this.fields(players, 'names', name => name);
  }

  private async fields<T>(
    players: readonly string[],
    kind: Kind,
    parse: (text: string) => T,
  ): Promise<Map<string, T>> {
    const found = new Map<string, T>();
    await Promise.all(
      players.map(async player => {
        const keys = this.topology.of('players', player);
        const text = await this.batched.ask({ keys, kind, player }, `${kind} ${keys.stream}`);
        if (text !== null) found.set(player, parse(text));
      }),
    );
    return found;
  }

  /** @param asked of one partition and kind */
  private read(asked: readonly Asked[]): Promise<(string | null)[]> {
    const [{ keys, kind }] = asked as [Asked];
    const players = asked.map(({ player }) => player);
    return this.live.read(readFields, keys, (state: StateKeys) => [state[kind]()], players);
  }
}

function toProfile(text: string): Profile {
  const profile = parseProfile(text);
  return { version: profile.version, fields: fieldsOf(profile) };
}
