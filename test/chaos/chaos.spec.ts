import { runChaos } from './chaos.js';
import { chaosOptions } from './options.js';
import { formatReport } from './report.js';

/** CHAOS_SEED repeats the faults and the writes of an earlier run. */
const SEED = Number(process.env.CHAOS_SEED ?? Date.now() % 2 ** 32);

describe(`40 seconds of faults (CHAOS_SEED=${SEED})`, () => {
  it('loses, doubles and mixes up nothing', async () => {
    const report = await runChaos(chaosOptions({ seed: SEED, seconds: 40 }));
    console.log(formatReport(report));
    expect(report.failures).toEqual([]);
  }, 600_000);
});
