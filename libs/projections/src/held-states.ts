import { type RedisClient, Script } from '#libs/redis';
import type { Address } from './projection.js';

const readStates = new Script<(string | null)[]>('read-states');

/** A state as it is after the events that were folded so far. */
export interface Held<State> {
  state: State | undefined;
  /** That of the state as it was read; empty when there was none. */
  revision: string;
  /** Counts from 1, hash by hash. */
  number: number;
}

/** The states that a batch concerns, by hash and field. */
export class States<State> {
  private readonly hashes = new Map<string, Map<string, Held<State>>>();

  /** What there is at the address, as soon as it has been read. */
  at({ key, field }: Address): Held<State> {
    let fields = this.hashes.get(key);
    if (!fields) {
      fields = new Map();
      this.hashes.set(key, fields);
    }
    let held = fields.get(field);
    if (!held) {
      held = { state: undefined, revision: '', number: 0 };
      fields.set(field, held);
    }
    return held;
  }

  /**
   * Reads all of them.
   *
   * @throws WrongTypeError when a key holds something of another program
   */
  async read(redis: RedisClient, parse: (text: string) => State): Promise<void> {
    if (this.hashes.size === 0) return;
    const hashes = [...this.hashes.values()];
    const wanted = JSON.stringify(hashes.map(fields => [...fields.keys()]));
    const values = await readStates.run(redis, [...this.hashes.keys()], [wanted]);
    let number = 0;
    for (const fields of hashes) {
      for (const held of fields.values()) {
        const text = values[number++];
        held.number = number;
        if (text == null) continue;
        held.revision = revisionOf(text);
        held.state = parse(text);
      }
    }
  }

  /** What was read, in the order of the numbers. */
  *revisions(): Generator<{ key: string; fields: string[]; revisions: string[] }> {
    for (const [key, fields] of this.hashes) {
      const revisions = [...fields.values()].map(({ revision }) => revision);
      yield { key, fields: [...fields.keys()], revisions };
    }
  }
}

function revisionOf(text: string): string {
  const end = text.indexOf(' ');
  return end < 0 ? text : text.slice(0, end);
}
