import { isDeepStrictEqual } from 'node:util';
import type { Effect } from '#libs/projections';
import type { Probe } from './probes.js';

/** A probe and its expected result. */
export interface Expectation extends Probe {
  readonly expected: string;
  /** Compares the result, if it is not compared as text. */
  agrees?(found: string): boolean;
}

/** What an effect adds to the size of its key: one part, or, with a name, a part that other effects can share. */
export interface Part {
  readonly look: 'HLEN' | 'ZCARD';
  readonly key: string;
  readonly name?: string;
}

/** @throws Error for an effect whose result cannot be read */
export function expectEffect({ command, key, args }: Effect): Expectation {
  const [first, second] = args;
  if (command === 'ZADD' && typeof first === 'string' && typeof second === 'string')
    return expectScore(key, second, first);
  if (command === 'LEVEL' && typeof second === 'string') return expectScore(key, second, second);
  if (command === 'HSET' && typeof first === 'string' && typeof second === 'string')
    return { look: 'HGET', key, argument: first, expected: second };
  if (command === 'SET' && typeof first === 'object' && 'document' in first)
    return { look: 'SHA', key, expected: first.document };
  if (command === 'JSON.SET' && typeof second === 'object' && 'document' in second)
    return expectJson(key, second.document);
  throw new Error(`verify cannot look at what ${command} leaves`);
}

/** Compares parsed values, because Redis formats JSON differently. `found` is a list, because a path can select several values. */
function expectJson(key: string, expected: string): Expectation {
  const agrees = (found: string) =>
    found !== '' && isDeepStrictEqual(JSON.parse(found), [JSON.parse(expected)]);
  return { look: 'JSON', key, argument: '$', expected, agrees };
}

function expectScore(key: string, member: string, expected: string): Expectation {
  const agrees = (found: string) => found !== '' && Number(found) === Number(expected);
  return { look: 'ZSCORE', key, argument: member, expected, agrees };
}

export function partsOf({ command, key, args }: Effect): Part[] {
  switch (command) {
    case 'ZADD':
      return [{ look: 'ZCARD', key }];
    case 'LEVEL':
      return [{ look: 'ZCARD', key, name: String(args[1]) }];
    case 'HSET':
      return [{ look: 'HLEN', key }];
    default:
      return [];
  }
}

/** The number of fields or members that a key should have. */
export class Size {
  private own = 0;
  private readonly shared = new Map<string, number>();

  constructor(readonly look: Part['look']) {}

  get value(): number {
    return this.own + this.shared.size;
  }

  /** @param by 1 for an added part, -1 for a removed one */
  change(name: string | undefined, by: 1 | -1): void {
    if (name === undefined) {
      this.own += by;
      return;
    }
    const sharers = (this.shared.get(name) ?? 0) + by;
    if (sharers > 0) this.shared.set(name, sharers);
    else this.shared.delete(name);
  }
}
