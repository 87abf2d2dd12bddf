/** Counts open streams or exports, for each owner and in total. */
export class OpenCounter {
  private readonly counts = new Map<string, number>();
  private sum = 0;

  get total(): number {
    return this.sum;
  }

  of(owner: string): number {
    return this.counts.get(owner) ?? 0;
  }

  /** @returns closes it; a second call does nothing */
  open(owner: string): () => void {
    this.add(owner, 1);
    let isOpen = true;
    return () => {
      if (isOpen) this.add(owner, -1);
      isOpen = false;
    };
  }

  private add(owner: string, change: 1 | -1): void {
    const count = this.of(owner) + change;
    if (count > 0) this.counts.set(owner, count);
    else this.counts.delete(owner);
    this.sum += change;
  }
}
