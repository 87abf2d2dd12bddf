import type { RedisClient } from '#libs/redis';
import { AddressMap } from './address-map.js';
import { script } from './lua.js';
import type { Address } from './state-changes.js';

const readStates = script<string>('read-states');

/** A larger read would block Redis for too long. */
const MAX_CALL_HASHES = 2_000;

/** A state that a batch works on. `state` is its value after the events folded so far. */
export interface LoadedState<State> {
  state: State | undefined;
  /** The revision of the state as it was read. Empty if there was none. */
  revision: string;
  /** The position among all loaded states, hash by hash, from 1. `commit.lua` refers to states by it. */
  position: number;
  readonly address: Address;
}

/** The states that a batch can change, by hash and field. */
export class LoadedStates<State> {
  private readonly loaded = new AddressMap<LoadedState<State>>();
  /**
   * The write token of the group when the states were read. As long as the group has the same token, no state has changed.
   * Undefined if nothing was read, or if the states were read at two different moments.
   */
  writeToken: string | undefined;

  /** Registers the address. `read` fills in the state. */
  at(address: Address): LoadedState<State> {
    const known = this.loaded.get(address);
    if (known) return known;
    const loaded: LoadedState<State> = { state: undefined, revision: '', position: 0, address };
    this.loaded.set(address, loaded);
    return loaded;
  }

  /**
   * Reads all registered states.
   *
   * @param live the key of the group's live hash
   * @throws WrongTypeError if another program has written one of the keys
   */
  async read(redis: RedisClient, live: string, parse: (text: string) => State): Promise<void> {
    const { hashes } = this.loaded;
    if (hashes.size === 0) return;
    let values: string[] = [];
    let writeToken: string | undefined;
    for (const part of inParts(hashes)) {
      const wanted = part.flatMap(([, fields]) => [fields.size, ...fields.keys()]);
      const reply = await readStates.run(
        redis,
        [live, ...part.map(([key]) => key)],
        [JSON.stringify(wanted)],
      );
      const [current, ...more] = reply.split('\n');
      // If states changed between two calls, the commit must compare each of them.
      writeToken = values.length === 0 || writeToken === current ? current : undefined;
      values = values.length === 0 ? more : values.concat(more);
    }
    let position = 0;
    for (const fields of hashes.values()) {
      for (const loaded of fields.values()) {
        const text = values[position++];
        loaded.position = position;
        if (!text) continue;
        loaded.revision = revisionOf(text);
        loaded.state = parse(text);
      }
    }
    if (position !== values.length)
      throw new Error(`read-states returned ${values.length} states instead of ${position}`);
    this.writeToken = writeToken;
  }

  /** Whether no other field of the same hash is loaded. */
  isOnlyFieldOfHash({ address: { key } }: LoadedState<State>): boolean {
    return this.loaded.hashes.get(key)?.size === 1;
  }

  /** The revisions that were read, in the order of the positions. */
  *revisions(): Generator<{ key: string; fields: string[]; revisions: string[] }> {
    for (const [key, fields] of this.loaded.hashes) {
      const revisions = [...fields.values()].map(({ revision }) => revision);
      yield { key, fields: [...fields.keys()], revisions };
    }
  }
}

function inParts<T>(hashes: ReadonlyMap<string, T>): (readonly [key: string, fields: T])[][] {
  const all = [...hashes];
  if (all.length <= MAX_CALL_HASHES) return [all];
  return Array.from({ length: Math.ceil(all.length / MAX_CALL_HASHES) }, (_, i) =>
    all.slice(i * MAX_CALL_HASHES, (i + 1) * MAX_CALL_HASHES),
  );
}

function revisionOf(text: string): string {
  const end = text.indexOf(' ');
  return end < 0 ? text : text.slice(0, end);
}
