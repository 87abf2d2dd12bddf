/** A map that keeps the values used most recently, up to its capacity. */
export class LruMap<Value> {
  /** In order of use, the least recently used first. */
  private readonly values = new Map<string, Value>();

  constructor(private readonly capacity: number) {}

  get(name: string): Value | undefined {
    const value = this.values.get(name);
    if (value !== undefined) this.set(name, value);
    return value;
  }

  set(name: string, value: Value): void {
    this.values.delete(name);
    this.values.set(name, value);
    if (this.values.size <= this.capacity) return;
    const [oldest] = this.values.keys();
    if (oldest !== undefined) this.values.delete(oldest);
  }

  delete(name: string): void {
    this.values.delete(name);
  }
}
