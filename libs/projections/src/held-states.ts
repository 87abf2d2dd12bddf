import { type RedisClient } from '#libs/redis';
import { AddressMap } from './address-map.js';
import { script } from './lua.js';
import type { Address } from './projection.js';

const readStates = script<string>('read-states');

/** Hashes that are read in one call, at most: Redis does nothing else meanwhile. */
const CALL_HASHES = 2_000;

/** A state as it is after the events that were folded so far. */
export interface Held<State> {
  state: State | undefined;
  /** That of the state as it was read; empty when there was none. */
  revision: string;
  /** Counts from 1, hash by hash. */
  number: number;
  readonly address: Address;
}

/** The states that a batch concerns, by hash and field. */
export class States<State> {
  private readonly held = new AddressMap<Held<State>>();
  /** Names the moment when they were read: while it is that of the group, nothing has changed. Nothing was read without. */
  tick: string | undefined;

  /** What there is at the address, as soon as it has been read. */
  at(address: Address): Held<State> {
    const known = this.held.get(address);
    if (known) return known;
    const held: Held<State> = { state: undefined, revision: '', number: 0, address };
    this.held.set(address, held);
    return held;
  }

  /**
   * Reads all of them.
   *
   * @param live the key of what is live for the group
   * @throws WrongTypeError when a key holds something of another program
   */
  async read(redis: RedisClient, live: string, parse: (text: string) => State): Promise<void> {
    const { hashes } = this.held;
    if (hashes.size === 0) return;
    let values: string[] = [];
    let tick: string | undefined;
    for (const part of inParts(hashes)) {
      const wanted = part.flatMap(([, fields]) => [fields.size, ...fields.keys()]);
      const reply = await readStates.run(
        redis,
        [live, ...part.map(([key]) => key)],
        [JSON.stringify(wanted)],
      );
      const [now, ...more] = reply.split('\n');
      // Of two moments: then the commit compares each state.
      tick = values.length === 0 || tick === now ? now : undefined;
      values = values.length === 0 ? more : values.concat(more);
    }
    let number = 0;
    for (const fields of hashes.values()) {
      for (const held of fields.values()) {
        const text = values[number++];
        held.number = number;
        if (!text) continue;
        held.revision = revisionOf(text);
        held.state = parse(text);
      }
    }
    if (number !== values.length) throw new Error(`${values.length} states were read instead of ${number}`);
    this.tick = tick;
  }

  /** Whether it is the only one of its hash. */
  isAlone({ address: { key } }: Held<State>): boolean {
    return this.held.hashes.get(key)?.size === 1;
  }

  /** What was read, in the order of the numbers. */
  *revisions(): Generator<{ key: string; fields: string[]; revisions: string[] }> {
    for (const [key, fields] of this.held.hashes) {
      const revisions = [...fields.values()].map(({ revision }) => revision);
      yield { key, fields: [...fields.keys()], revisions };
    }
  }
}

function inParts<T>(hashes: ReadonlyMap<string, T>): (readonly [key: string, fields: T])[][] {
  const all = [...hashes];
  if (all.length <= CALL_HASHES) return [all];
  return Array.from({ length: Math.ceil(all.length / CALL_HASHES) }, (_, i) =>
    all.slice(i * CALL_HASHES, (i + 1) * CALL_HASHES),
  );
}

function revisionOf(text: string): string {
  const end = text.indexOf(' ');
  return end < 0 ? text : text.slice(0, end);
}
