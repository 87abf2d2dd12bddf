import { cpus, totalmem } from 'node:os';
import type { RedisClient } from '#libs/redis';

/** The machine and the versions that the figures depend on. */
export interface Environment {
  readonly machine: string;
  readonly node: string;
  readonly redis: string;
  readonly at: string;
}

export async function describeEnvironment(redis: RedisClient): Promise<Environment> {
  const info = await redis.info('server');
  const [, name = 'redis', version] = /^(redis|valkey)_version:(\S+)/m.exec(info) ?? [];
  const [, appendfsync] = (await redis.config('GET', 'appendfsync')) as string[];
  const [cpu] = cpus();
  return {
    machine: `${cpus().length} × ${cpu?.model.trim() ?? process.arch}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    node: process.version,
    redis: `${name} ${version}, appendfsync ${appendfsync}`,
    at: new Date().toISOString(),
  };
}

/** Prints a Markdown table, or JSON. */
export function print(
  json: boolean,
  title: string,
  where: Environment,
  rows: readonly Readonly<Record<string, string | number>>[],
): void {
  if (json) console.log(JSON.stringify({ benchmark: title, ...where, rows }, null, 2));
  else console.log([`## ${title}`, '', describe(where), '', ...table(rows), ''].join('\n'));
}

const describe = ({ machine, node, redis, at }: Environment) =>
  `${machine}; Node ${node}; ${redis}; ${at.slice(0, 10)}`;

function table(rows: readonly Readonly<Record<string, string | number>>[]): string[] {
  const [first = {}] = rows;
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;
  return [
    line(Object.keys(first)),
    line(Object.keys(first).map(() => '---')),
    ...rows.map(row => line(Object.keys(first).map(name => row[name] ?? ''))),
  ];
}

/** @param values in any order; the array is sorted in place */
export function percentile(values: number[], percent: number): number {
  values.sort((a, b) => a - b);
  return values[Math.min(values.length - 1, Math.floor((values.length * percent) / 100))] ?? Number.NaN;
}

export const round = (value: number, digits = 2) => Number(value.toFixed(digits));

/** Prints a progress message to standard error, apart from the figures. */
export function logProgress(text: string): void {
  process.stderr.write(`${text}\n`);
}
