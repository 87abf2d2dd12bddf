import type { Topology } from '#libs/event-log';
import type { JsonObject } from '#libs/events';
import { LiveState, readFields, stateKeys } from '#libs/projections';
import type { RedisClient } from '#libs/redis';
import { DOCUMENTS_GROUP } from '#libs/search';
import { documentKey, historyKey, slotsKey } from './keys.js';
import { script } from './lua.js';
import { type PastVersion, parsePastVersion } from './past-version.js';
import { parseSave } from './save.store.js';

/** A save without its document. */
export interface SaveSlot {
  readonly slot: string;
  readonly version: number;
  /** ISO 8601. */
  readonly updatedAt: string;
  /** UTF-8 bytes of the document. */
  readonly bytes: number;
  /** What the game says about the save. */
  readonly meta?: JsonObject;
}

export interface Save extends Omit<SaveSlot, 'slot'> {
  /** The JSON text exactly as it was sent. */
  readonly document: string;
}

/** A version of a save in the history. */
export interface ListedVersion extends PastVersion {
  readonly version: number;
}

const readSave = script<[line: string, document: string | null] | []>('read-save');

export class SaveReader {
  private readonly live: LiveState;

  constructor(
    redis: RedisClient,
    private readonly topology: Topology,
  ) {
    this.live = new LiveState(redis, DOCUMENTS_GROUP);
  }

  /** @returns undefined if the slot is empty */
  async find(player: string, slot: string): Promise<Save | undefined> {
    const keys = this.topology.of('players', player);
    const [line, document] = await this.live.read(
      readSave,
      keys,
      state => [slotsKey(state, player), documentKey(state, player, slot)],
      [slot],
    );
    const found = line == null ? undefined : view(line);
    return found && document != null ? { ...found, document } : undefined;
  }

  /** The player's slots that are not empty, by name. */
  async list(player: string): Promise<SaveSlot[]> {
    const keys = this.topology.of('players', player);
    const lines = await this.live.readWhole(keys, state => slotsKey(state, player));
    const slots = [...lines].flatMap(([slot, line]) => {
      const found = view(line);
      return found ? [{ slot, ...found }] : [];
    });
    return slots.sort((a, b) => (a.slot < b.slot ? -1 : 1));
  }

  /** The latest applied version, also if it is a deletion; 0 if there is none. */
  async latest(player: string, slot: string): Promise<number> {
    const keys = this.topology.of('players', player);
    const [line] = await this.live.read(readFields, keys, state => [slotsKey(state, player)], [slot]);
    return line == null ? 0 : parseSave(line).version;
  }

  /**
   * Versions from the given one down, newest first. Versions that are dead letters are missing.
   *
   * @param count maximum versions to examine
   */
  async history(player: string, slot: string, from: number, count: number): Promise<ListedVersion[]> {
    const wanted = Array.from({ length: Math.min(from, count) }, (_, i) => from - i);
    const keys = this.topology.of('players', player);
    const together = Map.groupBy(wanted, version => historyKey(stateKeys(keys, 0), player, slot, version));
    const found = await Promise.all(
      [...together.values()].map(versions => this.versions(player, slot, versions)),
    );
    return found.flat();
  }

  /** @param versions stored in one hash */
  private async versions(player: string, slot: string, versions: number[]): Promise<ListedVersion[]> {
    const keys = this.topology.of('players', player);
    const [first = 0] = versions;
    const lines = await this.live.read(
      readFields,
      keys,
      state => [historyKey(state, player, slot, first)],
      versions,
    );
    return versions.flatMap((version, i) => {
      const line = lines[i];
      return line == null ? [] : [{ version, ...parsePastVersion(line) }];
    });
  }
}

/** Undefined for a deletion. */
function view(line: string): Omit<SaveSlot, 'slot'> | undefined {
  const { version, updatedAt, bytes, meta } = parseSave(line);
  if (bytes === undefined) return undefined;
  return { version, updatedAt: new Date(updatedAt).toISOString(), bytes, ...(meta && { meta }) };
}
