import { createInterface } from 'node:readline/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type Counts, Repartition } from '#libs/maintenance';
import { Logger } from '#libs/observability';
import { openExistingLog } from '#libs/service';
import { logEnvironment } from './log-environment.js';
import { RepartitionReport } from './repartition-report.js';

const USAGE = `npm run repartition -- [--partitions <n>] [--scores <n>] [--players <n>] [--yes]

Moves the log to other numbers of partitions while the system is running. Writes are refused for a moment at the end.
--partitions sets the number for both streams. At a terminal the command asks for confirmation unless --yes is given.`;

/** The arguments are not valid. */
class UsageError extends Error {}

interface Arguments {
  readonly wanted: Partial<Counts>;
  readonly yes: boolean;
}

/** @throws UsageError */
function readArguments(): Arguments {
  try {
    const count = { type: 'string' } as const;
    const { values } = parseArgs({
      options: { partitions: count, scores: count, players: count, yes: { type: 'boolean' } },
    });
    const [scores, players] = [values.scores ?? values.partitions, values.players ?? values.partitions];
    if (scores === undefined && players === undefined)
      throw new UsageError('give the number of partitions with --partitions, --scores, or --players');
    return {
      wanted: {
        ...(scores !== undefined && { scores: parsePartitionCount(scores) }),
        ...(players !== undefined && { players: parsePartitionCount(players) }),
      },
      yes: values.yes ?? false,
    };
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function parsePartitionCount(text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || count < 1 || count > 1_024)
    throw new UsageError(`the number of partitions is "${text}", expected a whole number from 1 to 1024`);
  return count;
}

/** @returns true when the answer is yes */
async function confirm(counts: Counts): Promise<boolean> {
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  const question = `move the log to ${counts.scores} partitions of scores and ${counts.players} of players? Writes are refused for a moment at the end. [y/N] `;
  const answer = await prompt.question(question).finally(() => prompt.close());
  return /^y/i.test(answer.trim());
}

/** @returns the exit status */
async function main(): Promise<number> {
  const { wanted, yes } = readArguments();
  const environment = logEnvironment();
  const logger = Logger.create({ name: 'repartition', level: 'warn', json: environment.isProduction });
  const { redis, topology } = await openExistingLog(environment, 'repartition', logger);
  const counts = { ...topology.counts, ...wanted };
  const report = new RepartitionReport();
  const repartition = new Repartition(redis, topology, counts, report);
  await repartition.tidy();
  if (repartition.streams.length > 0) {
    await repartition.assertPossible();
    if (!yes && process.stdin.isTTY && !(await confirm(counts))) return 1;
  }
  const result = await repartition.run();
  report.printResult(counts, result);
  redis.disconnect();
  return 0;
}

/** @returns the exit status */
function explain(error: unknown): number {
  if (error instanceof UsageError) {
    process.stderr.write(`${error.message}\n\n${USAGE}\n`);
    return 2;
  }
  const { code, message, stack } = error as Error & { code?: string };
  process.stderr.write(`questlog: ${code === undefined ? stack : message}\n`);
  return 1;
}

const status = await main().catch(explain);
// Writes to a pipe are asynchronous: let them finish.
await delay(0);
process.exit(status);
