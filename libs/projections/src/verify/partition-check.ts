import { isDeepStrictEqual } from 'node:util';
import type { EventType } from '#libs/events';
import type { RedisClient, StateKeys } from '#libs/redis';
import type { Projection } from '../projection.js';
import type { Source } from '../view.js';
import type { Difference } from './difference.js';
import { type PartitionFold, type Place } from './partition-fold.js';
import { type Probe, sight } from './probes.js';

/** Places that are looked at in one go, at most. */
const LOOK = 500;
/** How often places that change from one look to the next are looked at again. */
const ATTEMPTS = 300;

/** A look, and what it should find. */
interface Expectation extends Probe {
  readonly expected: string;
  /** How what was found is compared, where it is not the same text that counts. */
  agrees?(found: string): boolean;
}

/** Compares the live state with a fold that follows it. */
export class PartitionCheck<State, T extends EventType, Rules> {
  readonly differences: Difference[] = [];
  /** Fields and members that each key should have. */
  private readonly sizes = new Map<string, { look: 'HLEN' | 'ZCARD'; size: number }>();
  /** What each place adds to `sizes`. */
  private readonly counted = new Map<Place<State, T>, readonly string[]>();

  constructor(
    private readonly redis: RedisClient,
    private readonly projection: Projection<State, T, Rules>,
    private readonly source: Source,
    private readonly keys: StateKeys,
    private readonly fold: PartitionFold<State, T, Rules>,
    /** Whether the fold is of all boards. */
    private readonly isWhole: boolean,
    private readonly onPage: () => Promise<void>,
  ) {}

  async run(): Promise<void> {
    await this.fold.follow(await this.sight([]), this.onPage);
    const places = [...this.fold.places.values()];
    for (const place of places) this.count(place);
    await this.compare(places, place => this.expectPlace(place));
    await this.compare([...this.sizes.keys()], key => this.expectSize(key));
    if (!this.projection.kinds.includes('rules')) return;
    await this.compare([...this.fold.rulings.keys()], field => this.expectRule(field));
    if (this.isWhole) await this.compare([this.keys.rules()], key => this.expectRuleCount(key));
  }

  /** Keys that there should be. */
  get expectedKeys(): ReadonlySet<string> {
    const keys = new Set([this.keys.rules(), ...this.sizes.keys()]);
    for (const place of this.fold.places.values())
      for (const { key } of this.fold.effects(place)) keys.add(key);
    return keys;
  }

  private sight(probes: readonly Probe[]) {
    return sight(this.redis, this.source, this.keys.generation, probes);
  }

  /** Looks at items, a stretch at a time; those that change meanwhile, again, in ever shorter stretches. */
  private async compare<Item>(items: readonly Item[], expect: (item: Item) => Expectation[]): Promise<void> {
    let open = items;
    let length = LOOK;
    for (let attempt = 0; open.length > 0; attempt++) {
      if (attempt === ATTEMPTS) throw new Error(`${this.source.keys.stream} changes too fast to be compared`);
      const again: Item[] = [];
      for (let i = 0; i < open.length; i += length) {
        again.push(...(await this.compareStretch(open.slice(i, i + length), expect)));
        await this.onPage();
      }
      open = again;
      length = Math.max(1, Math.ceil(length / 4));
    }
  }

  /** @returns items that changed */
  private async compareStretch<Item>(
    items: readonly Item[],
    expect: (item: Item) => Expectation[],
  ): Promise<Item[]> {
    const expected = items.map(expect);
    const probes = expected.flat();
    const sighting = await this.sight(probes);
    const changed = await this.fold.follow(sighting, this.onPage);
    for (const place of changed) this.count(place);
    const found = [...sighting.found];
    return items.filter((item, n) => {
      const before = expected[n] ?? [];
      const seen = found.splice(0, before.length);
      // Of what was expected before the look, only what is expected still can be compared.
      if (changed.size > 0 && !isDeepStrictEqual(texts(before), texts(expect(item)))) return true;
      for (const [k, expectation] of before.entries()) this.judge(expectation, seen[k] ?? '');
      return false;
    });
  }

  private judge({ key, argument, expected, agrees }: Expectation, found: string): void {
    if (agrees ? agrees(found) : found === expected) return;
    this.differences.push({
      key,
      ...(argument !== undefined && { field: argument }),
      expected,
      ...(found !== '' && { actual: found }),
    });
  }

  private expectPlace(place: Place<State, T>): Expectation[] {
    const { address, state } = place;
    const { parse, format } = this.projection;
    const own: Expectation = {
      look: 'HGET',
      key: address.key,
      argument: address.field,
      expected: format(state),
      // The text that is kept must also say what the fold says: text that loses something would agree with itself.
      agrees: found => found === format(state) && isDeepStrictEqual(parse(found), state),
    };
    return [own, ...this.expectEffects(place)];
  }

  private expectEffects(place: Place<State, T>): Expectation[] {
    return this.fold.effects(place).flatMap(({ command, key, args }): Expectation[] => {
      const [first, second] = args;
      if (command === 'ZADD' && typeof first === 'string' && typeof second === 'string') {
        const agrees = (found: string) => found !== '' && Number(found) === Number(first);
        return [{ look: 'ZSCORE', key, argument: second, expected: first, agrees }];
      }
      if (command === 'SET' && typeof first === 'object')
        return [{ look: 'SHA', key, expected: first.document }];
      throw new Error(`verify cannot look at what ${command} leaves`);
    });
  }

  private expectSize(key: string): Expectation[] {
    const entry = this.sizes.get(key);
    return entry ? [{ look: entry.look, key, expected: String(entry.size) }] : [];
  }

  private expectRule(field: string): Expectation[] {
    const expected = this.fold.rulings.get(field) ?? '';
    return [{ look: 'HGET', key: this.keys.rules(), argument: field, expected }];
  }

  private expectRuleCount(key: string): Expectation[] {
    return [{ look: 'HLEN', key, expected: String(this.fold.rulings.size) }];
  }

  private count(place: Place<State, T>): void {
    for (const key of this.counted.get(place) ?? []) this.grow(key, -1);
    const zsets = this.fold.effects(place).filter(({ type }) => type === 'zset');
    const keys = [place.address.key, ...zsets.map(({ key }) => key)];
    this.counted.set(place, keys);
    for (const key of keys) this.grow(key, 1, key === place.address.key ? 'HLEN' : 'ZCARD');
  }

  private grow(key: string, by: number, look: 'HLEN' | 'ZCARD' = 'HLEN'): void {
    const entry = this.sizes.get(key);
    if (entry) entry.size += by;
    else this.sizes.set(key, { look, size: by });
  }
}

const texts = (expectations: readonly Expectation[]) =>
  expectations.map(({ key, argument, expected }) => [key, argument, expected]);
