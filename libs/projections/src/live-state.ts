import type { PartitionKeys } from '#libs/event-log';
import { pairs, type RedisClient, type Script } from '#libs/redis';
import { StaleGenerationError } from './errors.js';
import { script } from './lua.js';
import { type StateKeys, stateKeys } from './state-keys.js';

/** Fields of a hash of the live generation. */
export const readFields = script<(string | null)[]>('read-fields');
const readHash = script<[next: string, fields: string[]]>('read-hash');

/** A generation can be switched between two attempts, but hardly that often. */
const ATTEMPTS = 5;

/**
 * Reads what a group projects, from the generation that is live.
 *
 * Which one that is, is remembered; the script that reads compares, and says which one it is by now.
 */
export class LiveState {
  private readonly generations = new Map<string, number>();

  constructor(
    private readonly redis: RedisClient,
    private readonly group: string,
  ) {}

  /**
   * Runs a script that reads, whose KEYS begin with what is live, and its ARGV with the generation.
   *
   * @param touches its other keys, in the generation that is live
   */
  async read<Reply>(
    script: Script<Reply>,
    keys: PartitionKeys,
    touches: (state: StateKeys) => readonly string[],
    args: readonly (string | number)[],
  ): Promise<Reply> {
    const live = keys.live(this.group);
    for (let attempt = 1; ; attempt++) {
      const generation = this.generations.get(live) ?? 1;
      const state = stateKeys(keys, generation);
      try {
        return await script.run(this.redis, [live, ...touches(state)], [generation, ...args]);
      } catch (error) {
        if (!(error instanceof StaleGenerationError) || attempt === ATTEMPTS) throw error;
        this.generations.set(live, error.generation);
      }
    }
  }

  /**
   * Reads a hash whose size nobody limits, a stretch at a time: a small one in one call. What changes meanwhile may or may not
   * be in it.
   *
   * @param keyIn the hash, in the generation that is live
   */
  async readWhole(keys: PartitionKeys, keyIn: (state: StateKeys) => string): Promise<Map<string, string>> {
    for (;;) {
      const fields = new Map<string, string>();
      const hashes = new Set<string>();
      const touches = (state: StateKeys) => {
        const key = keyIn(state);
        hashes.add(key);
        return [key];
      };
      let cursor = '0';
      do {
        const [next, flat] = await this.read(readHash, keys, touches, [cursor]);
        for (const [field, value] of pairs(flat)) fields.set(field, value);
        cursor = next;
      } while (cursor !== '0');
      // Of two generations, the places in the one mean nothing in the other.
      if (hashes.size === 1) return fields;
    }
  }
}
