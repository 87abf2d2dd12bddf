import type { Topology } from '#libs/event-log';
import { type RedisClient, Script } from '#libs/redis';
import { parseSave } from './save.store.js';

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
  constructor(
    private readonly redis: RedisClient,
    private readonly topology: Topology,
  ) {}

  /** @returns nothing when the slot is empty */
  async find(player: string, slot: string): Promise<Save | undefined> {
    const keys = this.topology.of('players', player);
    const [line, document] = await readSave.run(
      this.redis,
      [keys.saves(player), keys.save(player, slot)],
      [slot],
    );
    if (line == null || document == null) return undefined;
    const { version, updatedAt, bytes } = parseSave(line);
    return { version, updatedAt: new Date(updatedAt).toISOString(), bytes, document };
  }
}
