import { type RedisClient, WrongTypeError } from '#libs/redis';
import { AddressMap } from './address-map.js';
import type { Address } from './projection.js';

/** A state, and the revision that is stored with it; empty when there is none. */
export interface Held<State> {
  readonly state: State | undefined;
  readonly revision: string;
}

const NONE: Held<never> = { state: undefined, revision: '' };

/** States as they are stored, or will be after the events that were folded so far. */
export class States<State> {
  private readonly held = new AddressMap<Held<State>>();

  get(address: Address): Held<State> {
    return this.held.get(address) ?? NONE;
  }

  /** @param text the state as it will be stored */
  set(address: Address, state: State, text: string): void {
    this.held.set(address, { state, revision: revisionOf(text) });
  }
}

/** @throws WrongTypeError when a key holds something of another program */
export async function readStates<State>(
  redis: RedisClient,
  parse: (text: string) => State,
  addresses: readonly Address[],
): Promise<States<State>> {
  const wanted = new AddressMap<true>();
  for (const address of addresses) wanted.set(address, true);
  const states = new States<State>();
  await Promise.all(
    [...wanted.fields()].map(async ([key, fields]) => {
      const values = await redis.hmget(key, ...fields).catch((error: Error) => {
        throw error.message.startsWith('WRONGTYPE') ? new WrongTypeError(key) : error;
      });
      values.forEach((text, i) => {
        if (text != null) states.set({ key, field: fields[i] ?? '' }, parse(text), text);
      });
    }),
  );
  return states;
}

function revisionOf(text: string): string {
  const end = text.indexOf(' ');
  return end < 0 ? text : text.slice(0, end);
}
