import type { Topology } from '#libs/event-log';
import type { JsonObject } from '#libs/events';
import { type PartitionKeys, type RedisClient, Script } from '#libs/redis';
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
    const keys = this.topology.of('players', player);
    const [text] = await this.live.read(readFields, keys, state => [state.profiles()], [player]);
    if (text == null) return undefined;
    const profile = parseProfile(text);
    return { version: profile.version, fields: fieldsOf(profile) };
  }

  /**
   * The names of those who have one, by player.
   *
   * @param players at most 1,000; each partition is asked once, all of them at the same time
   */
  async names(players: readonly string[]): Promise<Map<string, string>> {
    const byPartition = Map.groupBy(new Set(players), player => this.topology.of('players', player));
    const found = await Promise.all([...byPartition].map(([keys, group]) => this.namesIn(keys, group)));
    return new Map(found.flat());
  }

  private async namesIn(keys: PartitionKeys, players: string[]): Promise<[player: string, name: string][]> {
    const names = await this.live.read(readFields, keys, state => [state.names()], players);
    return players.flatMap((player, i) => {
      const name = names[i];
      return name == null ? [] : [[player, name] as [string, string]];
    });
  }
}
