/** Counts the responses of a run by second, for the test's output. */
export class Timeline {
  private readonly counts = new Map<string, number>();
  private readonly notes: [second: number, text: string][] = [];
  private readonly began = performance.now();
  private readonly columns = new Set<string>();

  count(column: string): void {
    this.columns.add(column);
    const key = `${this.second()} ${column}`;
    this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
  }

  note(text: string): void {
    this.notes.push([this.second(), `${((performance.now() - this.began) / 1_000).toFixed(1)} s: ${text}`]);
  }

  total(column: string): number {
    return [...this.counts].reduce((sum, [key, n]) => sum + (key.endsWith(` ${column}`) ? n : 0), 0);
  }

  toString(): string {
    const columns = [...this.columns].sort();
    const line = (first: string, cells: readonly unknown[]) =>
      [first.padStart(6), ...cells.map((cell, i) => String(cell).padStart(columns[i]?.length ?? 0))].join(
        '  ',
      );
    const last = Math.max(...[...this.counts.keys()].map(key => Number.parseInt(key, 10)), 0);
    const rows = Array.from({ length: last + 1 }, (_, second) => [
      line(
        String(second),
        columns.map(column => this.counts.get(`${second} ${column}`) ?? 0),
      ),
      ...this.notes.filter(([at]) => at === second).map(([, text]) => `        ${text}`),
    ]).flat();
    const totals = line(
      'all',
      columns.map(column => this.total(column)),
    );
    return [line('second', columns), ...rows, totals].join('\n');
  }

  private second(): number {
    return Math.floor((performance.now() - this.began) / 1_000);
  }
}
