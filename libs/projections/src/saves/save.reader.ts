import type { Topology } from '#libs/event-log';
import { type RedisClient, Script } from '#libs/redis';
import { LiveState } from '../live-state.js';
import { parseSave, saves } from './save.store.js';

export interface Save {
  readonly version: number;
  /** ISO 8601. */
  readonly updatedAt: string;
  /** Length of the document in UTF-8. */
  readonly bytes: number;
  /** JSON, exactly as it was written. */
  readonly document: string;
}

const readSave = new Script<[line: string, document: string] | []>('read-save');

export class SaveReader {
  private readonly live: LiveState;

  constructor(
    redis: RedisClient,
    private readonly topology: Topology,
  ) {
    this.live = new LiveState(redis, saves.name);
  }

  /** @returns nothing when the slot is empty */
  async find(player: string, slot: string): Promise<Save | undefined> {
    const keys = this.topology.of('players', player);
    const [line, document] = await this.live.read(
      readSave,
      keys,
      state => [state.saves(player), state.save(player, slot)],
      [slot],
    );
    if (line == null || document == null) return undefined;
    const { version, updatedAt, bytes } = parseSave(line);
    return { version, updatedAt: new Date(updatedAt).toISOString(), bytes, document };
  }
}
