import { setTimeout as delay } from 'node:timers/promises';
import type { Comparison, Figures, Size } from '../comparison.js';
import { Installation } from '../installation.js';
import { percentile } from '../report.js';

const WRITES_PER_SECOND = 1_000;

const READ_EVERY_NTH_WRITE = 10;
const SECONDS: Record<Size, number> = { full: 10, short: 4 };
const PLAYERS = 10_000;
/** How often due writes are sent. Short, so that they are sent one by one and not in bursts. */
const POLL_MS = 1;
const BOARD = 'arena';

/** The time from the response to a write until a read that waits for the event returns. */
export const visibility: Comparison = {
  name: 'visibility',
  title: `from 202 to visible, at ${WRITES_PER_SECOND} writes a second: the answer to a read with If-Applied`,
  targets: [
    {
      what: 'from 202 to visible, median',
      unit: 'ms',
      value: of => of('questlog', 'p50 ms'),
      wanted: { atMost: 5 },
    },
    {
      what: 'from 202 to visible, 99th percentile',
      unit: 'ms',
      value: of => of('questlog', 'p99 ms'),
      wanted: { atMost: 25 },
    },
  ],
  warmUpRounds: 3,
  open: async size => {
    const installation = await Installation.openAsInProduction();
    return {
      contenders: { questlog: () => measure(installation, SECONDS[size]) },
      close: () => installation.close(),
    };
  },
};

async function measure({ admin }: Installation, seconds: number): Promise<Figures> {
  const milliseconds: number[] = [];
  const writing: Promise<void>[] = [];
  const failed = Promise.withResolvers<never>();
  const began = performance.now();
  const write = async (n: number) => {
    const player = `player-${n % PLAYERS}`;
    const { status, body } = await admin.send<{ eventId: string }>(
      'POST',
      `/v1/leaderboards/${BOARD}/scores`,
      { player, score: n },
    );
    if (status !== 202) throw new Error(`a write returned ${status}, expected 202`);
    if (n % READ_EVERY_NTH_WRITE !== 0) return;
    const accepted = performance.now();
    await admin.get(`/v1/leaderboards/${BOARD}/entries/${player}?ifApplied=${body.eventId}`);
    milliseconds.push(performance.now() - accepted);
  };
  for (let sent = 0; sent < seconds * WRITES_PER_SECOND; ) {
    const due = ((performance.now() - began) * WRITES_PER_SECOND) / 1_000;
    while (sent < due) writing.push(write(sent++).catch(failed.reject));
    await Promise.race([failed.promise, delay(POLL_MS)]);
  }
  await Promise.all(writing);
  const rate = writing.length / ((performance.now() - began) / 1_000);
  return { 'p50 ms': percentile(milliseconds, 50), 'p99 ms': percentile(milliseconds, 99), 'writes/s': rate };
}
