import { type Progress, runChaos } from './chaos.js';
import { type ChaosOptions, parseOptions, USAGE, UsageError } from './options.js';
import { formatReport } from './report.js';

// What a run that was given up still waits for must not hold the process.
process.exit(await main());

async function main(): Promise<number> {
  const options = optionsOrUsage();
  if (typeof options === 'number') return options;
  const { seed, seconds, clients, dist } = options;
  console.log(`seed ${seed}: ${clients} clients, ${seconds} seconds of faults, against ${dist}`);
  const ending = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ending.abort());
  try {
    const report = await runChaos(options, { onProgress: tell, signal: ending.signal });
    console.log(formatReport(report));
    return report.failures.length > 0 ? 1 : 0;
  } catch (error) {
    if (ending.signal.aborted) return 130;
    console.error(error);
    console.error(`seed ${seed}: the run could not be carried through`);
    return 1;
  }
}

/** @returns an exit status when there is nothing to run */
function optionsOrUsage(): ChaosOptions | number {
  try {
    const options = parseOptions(process.argv.slice(2));
    if (options) return options;
    console.log(USAGE);
    return 0;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`${error.message}\n\n${USAGE}`);
    return 2;
  }
}

/** A line for people, a JSON object for programs. */
function tell(progress: Progress): void {
  const { seconds, phase, acknowledged, faults, traffic } = progress;
  if (!process.stdout.isTTY) {
    console.log(JSON.stringify(progress));
    return;
  }
  const troubles = `${traffic['attempts repeated']} repeated, ${traffic['answers 503']} times 503`;
  console.log(
    `${String(seconds).padStart(4)} s  ${phase}: ${acknowledged} acknowledged, ${faults} faults, ${troubles}`,
  );
}
