import { isDeepStrictEqual } from 'node:util';
import type { EventType } from '#libs/events';
import type { Projection, Source, StateKeys } from '#libs/projections';
import type { RedisClient } from '#libs/redis';
import type { Difference } from './difference.js';
import { type Expectation, expectEffect, type Part, partsOf, Size } from './expectation.js';
import type { PartitionFold, Place } from './partition-fold.js';
import { type Probe, sight } from './probes.js';

/** Maximum places in one probe. */
const LOOK = 500;
/** How often places that change between two probes are probed again. */
const ATTEMPTS = 300;

/** Compares the live state with a fold that follows it. */
export class PartitionCheck<State, T extends EventType, Rules> {
  readonly differences: Difference[] = [];
  /** The number of fields and members that each key should have. */
  private readonly sizes = new Map<string, Size>();
  /** What each place contributes to `sizes`. */
  private readonly counted = new Map<Place<State, T>, readonly Part[]>();

  constructor(
    private readonly redis: RedisClient,
    private readonly projection: Projection<State, T, Rules>,
    private readonly source: Source,
    private readonly keys: StateKeys,
    private readonly fold: PartitionFold<State, T, Rules>,
    /** Whether the fold has all boards. */
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

  /** The keys that should exist. */
  get expectedKeys(): ReadonlySet<string> {
    const keys = new Set([this.keys.rules(), ...this.sizes.keys()]);
    for (const place of this.fold.places.values())
      for (const { key } of this.fold.effects(place)) keys.add(key);
    return keys;
  }

  private sight(probes: readonly Probe[]) {
    return sight(this.redis, this.source, this.keys.generation, probes);
  }

  /** Probes items in slices. Items that change in the meantime are probed again, in ever smaller slices. */
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
      // The documents are long, so the rest gets a probe of its own.
      if (seen.length < before.length) return true;
      // Only expectations that are the same before and after the probe can be compared.
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
    const { target, state } = place;
    const { key, field: argument } = target.address;
    if (state === undefined) return [{ look: 'HGET', key, argument, expected: '' }];
    const { parse, format } = this.projection;
    const own: Expectation = {
      look: 'HGET',
      key,
      argument,
      expected: format(state),
      // The stored text must also parse to the folded state. A format that loses information would otherwise agree with itself.
      agrees: found => found === format(state) && isDeepStrictEqual(parse(found), state),
    };
    return [own, ...this.fold.effects(place).map(expectEffect)];
  }

  private expectSize(key: string): Expectation[] {
    const size = this.sizes.get(key);
    return size ? [{ look: size.look, key, expected: String(size.value) }] : [];
  }

  private expectRule(field: string): Expectation[] {
    const expected = this.fold.rulings.get(field) ?? '';
    return [{ look: 'HGET', key: this.keys.rules(), argument: field, expected }];
  }

  private expectRuleCount(key: string): Expectation[] {
    return [{ look: 'HLEN', key, expected: String(this.fold.rulings.size) }];
  }

  private count(place: Place<State, T>): void {
    for (const { key, name } of this.counted.get(place) ?? []) this.sizes.get(key)?.change(name, -1);
    const parts = this.fold.effects(place).flatMap(partsOf);
    if (place.state !== undefined) parts.push({ look: 'HLEN', key: place.target.address.key });
    for (const { look, key, name } of parts) this.sizeOf(key, look).change(name, 1);
    this.counted.set(place, parts);
  }

  private sizeOf(key: string, look: Part['look']): Size {
    let size = this.sizes.get(key);
    if (!size) {
      size = new Size(look);
      this.sizes.set(key, size);
    }
    return size;
  }
}

const texts = (expectations: readonly Expectation[]) =>
  expectations.map(({ key, argument, expected }) => [key, argument, expected]);
