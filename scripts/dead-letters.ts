import { ConfigurationError } from '#libs/config';
import { Topology } from '#libs/event-log';
import { groupsOf } from '#libs/maintenance';
import { createClient, troubleOf } from '#libs/redis';
import { DeadLetters } from '#libs/streams-transport';
import { parseCommand, runCommand, USAGE, UsageError } from './dead-letters/dead-letters-command.js';
import { logEnvironment } from './log-environment.js';

/** `npm run dead-letters`: lists, retries, or drops dead letters. */
async function main(args: readonly string[]): Promise<number> {
  const command = parseCommand(args);
  const { redis: address, KEY_PREFIX, partitions } = logEnvironment();
  const redis = createClient(address, 'dead-letters');
  try {
    await redis.connect();
    const topology = await Topology.find(redis, KEY_PREFIX, partitions);
    const groups = { scores: groupsOf('scores'), players: groupsOf('players') };
    return await runCommand(command, new DeadLetters(redis, topology, groups), {
      isTerminal: process.stdout.isTTY === true,
      print: line => console.log(line),
      printError: line => console.error(line),
    });
  } finally {
    redis.disconnect();
  }
}

/** @returns the exit status */
function explain(error: unknown): number {
  if (error instanceof UsageError) {
    console.error(`dead-letters: ${error.message}\n\n${USAGE}`);
    return 2;
  }
  const expected = error instanceof ConfigurationError || (error instanceof Error && 'code' in error);
  const trouble = troubleOf(error);
  if (trouble) console.error(`dead-letters: ${trouble.detail}`);
  else console.error(`dead-letters: ${expected ? error.message : ((error as Error)?.stack ?? error)}`);
  return 1;
}

process.exitCode = await main(process.argv.slice(2)).catch(explain);
