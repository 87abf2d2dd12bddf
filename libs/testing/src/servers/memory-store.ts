import { type ArchiveStore, type ByteRange, ObjectMissingError } from '#libs/event-log';

/** An archive store that keeps its objects in memory. Tests can change them, and see which were read. */
export class MemoryStore implements ArchiveStore {
  readonly url = 'memory:';
  readonly objects = new Map<string, Buffer>();
  /** The reads so far: `<name>` or `<name> <offset>+<length>`. */
  readonly reads: string[] = [];

  async put(name: string, bytes: Uint8Array): Promise<'created' | 'exists'> {
    if (this.objects.has(name)) return 'exists';
    this.objects.set(name, Buffer.from(bytes));
    return 'created';
  }

  async get(name: string, range?: ByteRange): Promise<Buffer> {
    this.reads.push(range ? `${name} ${range.offset}+${range.length}` : name);
    const bytes = this.objects.get(name);
    if (!bytes) throw new ObjectMissingError(this.url, name);
    return range ? bytes.subarray(range.offset, range.offset + range.length) : bytes;
  }

  async *list(prefix: string) {
    for (const [name, { length }] of this.objects)
      if (name.startsWith(prefix)) yield { name, bytes: length, writtenAt: 0 };
  }

  async delete(name: string): Promise<void> {
    this.objects.delete(name);
  }

  close(): void {}
}
