import type { PartitionKeys } from '#libs/event-log';
import { pairs, type RedisClient, type Script } from '#libs/redis';
import { StaleGenerationError } from './errors.js';
import { script } from './lua.js';
import { type StateKeys, stateKeys } from './state-keys.js';

/** Reads some fields of a hash of the live generation. */
export const readFields = script<(string | null)[]>('read-fields');
const readHash = script<[next: string, fields: string[]]>('read-hash');

/** Each attempt fails only if the generation was switched since the one before. */
const MAX_ATTEMPTS = 5;

/**
 * Reads the projected state of a consumer group, from its live generation.
 *
 * The number of the live generation is cached. Each script compares it and, if it is out of date, returns the current one.
 */
export class LiveState {
  private readonly generations = new Map<string, number>();

  constructor(
    private readonly redis: RedisClient,
    private readonly group: string,
  ) {}

  /**
   * Runs a reading script. Its KEYS must begin with the live hash, its ARGV with the generation.
   *
   * @param otherKeys the other keys, in the given generation
   */
  async read<Reply>(
    script: Script<Reply>,
    keys: PartitionKeys,
    otherKeys: (state: StateKeys) => readonly string[],
    args: readonly (string | number)[],
  ): Promise<Reply> {
    const live = keys.live(this.group);
    for (let attempt = 1; ; attempt++) {
      const generation = this.generations.get(live) ?? 1;
      const state = stateKeys(keys, generation);
      try {
        return await script.run(this.redis, [live, ...otherKeys(state)], [generation, ...args]);
      } catch (error) {
        if (!(error instanceof StaleGenerationError) || attempt === MAX_ATTEMPTS) throw error;
        this.generations.set(live, error.generation);
      }
    }
  }

  /**
   * Reads a whole hash of any size, one page at a time. A small hash takes one call. Fields that change during the read may
   * or may not be in the result.
   *
   * @param keyIn the key of the hash, in the given generation
   */
  async readWhole(keys: PartitionKeys, keyIn: (state: StateKeys) => string): Promise<Map<string, string>> {
    for (;;) {
      const fields = new Map<string, string>();
      const hashes = new Set<string>();
      const otherKeys = (state: StateKeys) => {
        const key = keyIn(state);
        hashes.add(key);
        return [key];
      };
      let cursor = '0';
      do {
        const [next, flat] = await this.read(readHash, keys, otherKeys, [cursor]);
        for (const [field, value] of pairs(flat)) fields.set(field, value);
        cursor = next;
      } while (cursor !== '0');
      // A cursor of one generation means nothing in another: start again if the generation was switched.
      if (hashes.size === 1) return fields;
    }
  }
}
