import { type RedisClient, Script } from '#libs/redis';
import { AddressMap } from './address-map.js';
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
  private readonly held = new AddressMap<Held<State>>();

  /** What there is at the address, as soon as it has been read. */
  at(address: Address): Held<State> {
    const known = this.held.get(address);
    if (known) return known;
    const held: Held<State> = { state: undefined, revision: '', number: 0 };
    this.held.set(address, held);
    return held;
  }

  /**
   * Reads all of them.
   *
   * @throws WrongTypeError when a key holds something of another program
   */
  async read(redis: RedisClient, parse: (text: string) => State): Promise<void> {
    const { hashes } = this.held;
    if (hashes.size === 0) return;
    const wanted = JSON.stringify([...hashes.values()].map(fields => [...fields.keys()]));
    const values = await readStates.run(redis, [...hashes.keys()], [wanted]);
    let number = 0;
    for (const held of this.held.values()) {
      const text = values[number++];
      held.number = number;
      if (text == null) continue;
      held.revision = revisionOf(text);
      held.state = parse(text);
    }
  }

  /** What was read, in the order of the numbers. */
  *revisions(): Generator<{ key: string; fields: string[]; revisions: string[] }> {
    for (const [key, fields] of this.held.hashes) {
      const revisions = [...fields.values()].map(({ revision }) => revision);
      yield { key, fields: [...fields.keys()], revisions };
    }
  }
}

function revisionOf(text: string): string {
  const end = text.indexOf(' ');
  return end < 0 ? text : text.slice(0, end);
}
