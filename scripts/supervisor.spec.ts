import { type Part, Supervisor } from './supervisor.js';

/** A part that exits when `die` is called. Time passes only while the supervisor waits. */
class FakePart implements Part {
  starts = 0;
  private end: ((why: string) => void) | undefined;
  private life = this.begin();

  constructor(
    readonly name: string,
    private readonly refusal?: () => string | undefined,
  ) {}

  waitForExit(): Promise<string> {
    return this.life;
  }

  async restart(): Promise<void> {
    this.starts += 1;
    const refusal = this.refusal?.();
    if (refusal) throw new Error(refusal);
    this.life = this.begin();
  }

  die(why: string): void {
    this.end?.(why);
  }

  private begin(): Promise<string> {
    return new Promise(resolve => {
      this.end = resolve;
    });
  }
}

const turn = () => new Promise(resolve => setImmediate(resolve));

describe('the supervisor', () => {
  let now: number;
  let waits: number[];
  let lines: string[];
  let down: Readonly<Record<string, string>>;
  let supervisor: Supervisor;
  beforeEach(() => {
    now = 0;
    waits = [];
    lines = [];
    down = {};
    supervisor = new Supervisor({
      log: line => lines.push(line),
      onChange: changed => {
        down = changed;
      },
      now: () => now,
      wait: async milliseconds => {
        waits.push(milliseconds);
        now += milliseconds;
      },
    });
  });

  async function dieTimes(part: FakePart, times: number, why = 'exit status 1'): Promise<void> {
    for (let n = 0; n < times; n++) {
      part.die(why);
      await turn();
    }
  }

  it('restarts a part forever, with a delay that doubles up to 30 seconds', async () => {
    const part = new FakePart('scores');
    void supervisor.supervise(part);
    await dieTimes(part, 100);
    expect(part.starts).toBe(100);
    expect(waits.slice(0, 9)).toEqual([200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000]);
    expect(waits.at(-1)).toBe(30_000);
  });

  it('starts at the minimum delay again after a part was running for a while', async () => {
    const part = new FakePart('scores');
    void supervisor.supervise(part);
    await dieTimes(part, 6);
    now += 61_000;
    await dieTimes(part, 2);
    expect(waits.slice(-2)).toEqual([200, 400]);
    expect(lines.at(-2)).toContain('it has ended 8 times');
  });

  it('keeps a separate delay for each part', async () => {
    const [bad, good] = [new FakePart('saves'), new FakePart('scores')];
    for (const part of [bad, good]) void supervisor.supervise(part);
    await dieTimes(bad, 20);
    await dieTimes(good, 1);
    expect(waits.at(-1)).toBe(200);
    expect(good.starts).toBe(1);
  });

  it('reports which part is down, how often it exited, and why; and when it is back', async () => {
    let refusal: string | undefined = 'the disk of /data is full (0 bytes free)';
    const part = new FakePart('redis-server', () => {
      const text = refusal;
      // Once it has been refused twice, there is room.
      if (part.starts >= 2) refusal = undefined;
      return text;
    });
    const seen: string[] = [];
    supervisor = new Supervisor({
      log: line => lines.push(line),
      onChange: changed => seen.push(changed['redis-server'] ?? 'up'),
      wait: async () => {},
    });
    void supervisor.supervise(part);
    await dieTimes(part, 1, 'SIGKILL');
    for (let n = 0; n < 5; n++) await turn();
    expect(seen).toEqual([
      expect.stringContaining('it has ended once, the last time with: SIGKILL'),
      expect.stringContaining('it has ended twice, the last time with: the disk of /data is full'),
      expect.stringContaining('it has ended 3 times'),
      'up',
    ]);
    expect(lines[0]).toContain('redis-server (SIGKILL) ended unexpectedly: starting it again in 0.2 s');
    expect(lines.at(-1)).toBe('redis-server is back');
  });

  it('does not restart a part after it is stopped', async () => {
    const part = new FakePart('scores');
    const kept = supervisor.supervise(part);
    supervisor.stop();
    part.die('SIGTERM');
    await kept;
    expect({ starts: part.starts, lines, down }).toEqual({ starts: 0, lines: [], down: {} });
  });
});
