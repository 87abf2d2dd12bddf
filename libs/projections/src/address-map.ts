import type { Address } from './state-changes.js';

/** A map by address. It has two levels, because joining key and field into one string would cost more than the lookup. */
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

  /** @returns the deleted values */
  deleteKey(key: string): Value[] {
    const values = [...(this.fieldsByKey.get(key)?.values() ?? [])];
    this.fieldsByKey.delete(key);
    return values;
  }

  *values(): Generator<Value> {
    for (const fields of this.fieldsByKey.values()) yield* fields.values();
  }

  /** The values by key, and then by field. */
  get hashes(): ReadonlyMap<string, ReadonlyMap<string, Value>> {
    return this.fieldsByKey;
  }
}
