interface Options {
  /** Maximum items in one batch. */
  readonly size?: number;
  /** Decides when the next batch runs. */
  readonly schedule?: (run: () => void) => void;
}

/**
 * Runs one batch of items at a time. Items that arrive while a batch is running wait for the next one, so batches grow with
 * the load, and the order of items is kept.
 */
export class BatchQueue<Item> {
  private waiting: Item[] = [];
  private isBusy = false;
  private readonly size: number;
  private readonly schedule: (run: () => void) => void;

  /** @param run runs a batch, and handles its own errors; the next batch waits for the promise */
  constructor(
    private readonly run: (items: Item[]) => Promise<unknown>,
    { size = Number.POSITIVE_INFINITY, schedule = setImmediate }: Options = {},
  ) {
    this.size = size;
    this.schedule = schedule;
  }

  /** The item that was added last, unless it is already in a batch. */
  get last(): Item | undefined {
    return this.waiting.at(-1);
  }

  /** Unless a batch is running, the item is run with those that are added until the schedule calls back. */
  add(item: Item): void {
    this.waiting.push(item);
    if (!this.isBusy) this.runSoon();
  }

  private runSoon(): void {
    this.isBusy = this.waiting.length > 0;
    if (this.isBusy) this.schedule(() => void this.runNext());
  }

  private async runNext(): Promise<void> {
    const items = this.waiting;
    this.waiting = items.length > this.size ? items.splice(this.size) : [];
    try {
      await this.run(items);
    } finally {
      // Otherwise nothing that is added later would ever run.
      this.runSoon();
    }
  }
}
