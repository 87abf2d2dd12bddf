import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Comparison, Figures, Size } from '../comparison.js';
import { Installation } from '../installation.js';

const COMMANDS: Record<Size, number> = { full: 1_000_000, short: 200_000 };
/** Commands per pipeline. */
const PIPELINE_COMMANDS = 100;
const CONNECTIONS = 4;
const MEMBERS = 100_000;

const EVENT = 'sixty characters, which is about the size of a score event...';

/** The throughput of single commands in Redis, which is an upper limit for any client. */
export const ceiling: Comparison = {
  name: 'ceiling',
  title: `redis-benchmark alone: ${PIPELINE_COMMANDS} commands at once on ${CONNECTIONS} connections`,
  targets: [],
  open: async size => {
    const installation = await Installation.open();
    const { port } = new URL(installation.redisUrl);
    const measured =
      (...command: readonly string[]) =>
      () =>
        benchmark(port, COMMANDS[size], command);
    return {
      contenders: {
        XADD: measured('XADD', 'bare:ceiling', '*', 'e', EVENT),
        'ZADD GT': measured('ZADD', 'bare:ceiling:ranks', 'GT', '__rand_int__', 'player-__rand_int__'),
        ZREVRANK: measured('ZREVRANK', 'bare:ceiling:ranks', 'player-000000012345'),
      },
      close: () => installation.close(),
    };
  },
};

/** @throws Error when there is no redis-benchmark, which comes with redis-server */
async function benchmark(port: string, count: number, command: readonly string[]): Promise<Figures> {
  const how = { '-p': port, '-n': count, '-P': PIPELINE_COMMANDS, '-c': CONNECTIONS, '-r': MEMBERS };
  const options = Object.entries(how).flatMap(([option, value]) => [option, String(value)]);
  const { stdout } = await promisify(execFile)('redis-benchmark', [...options, '--csv', ...command]);
  // The second line: "<command>","<commands per second>",...
  const rate = Number(/^".*?","([\d.]+)"/.exec(stdout.trim().split('\n').at(-1) ?? '')?.[1]);
  if (!(rate > 0)) throw new Error(`redis-benchmark said ${stdout}`);
  return { 'commands/s': rate };
}
