import type { Address } from './projection.js';

/** Things by address. Two levels of maps: to put key and field together for each look would cost more than the look. */
export class AddressMap<Value> {
  private readonly fieldsByKey = new Map<string, Map<string, Value>>();

  get({ key, field }: Address): Value | undefined {
    return this.fieldsByKey.get(key)?.get(field);
  }

  set({ key, field }: Address, value: Value): void {
    const fields = this.fieldsByKey.get(key);
    if (fields) fields.set(field, value);
    else this.fieldsByKey.set(key, new Map([[field, value]]));
  }

  delete({ key, field }: Address): void {
    this.fieldsByKey.get(key)?.delete(field);
  }

  /** @returns what was there */
  deleteKey(key: string): Value[] {
    const values = [...(this.fieldsByKey.get(key)?.values() ?? [])];
    this.fieldsByKey.delete(key);
    return values;
  }

  *values(): Generator<Value> {
    for (const fields of this.fieldsByKey.values()) yield* fields.values();
  }

  /** What there is of each key, by field. */
  get hashes(): ReadonlyMap<string, ReadonlyMap<string, Value>> {
    return this.fieldsByKey;
  }
}
