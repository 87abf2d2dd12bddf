import { writeFileSync } from 'node:fs';
import type { Attack } from './attack.js';
import type { Cost } from './meter.js';

export interface Finding {
  readonly attack: Attack;
  readonly cost: Cost;
}

/** A Markdown table of the most expensive request for each route and role. */
export function tableOf(findings: readonly Finding[]): string {
  const lines = [...worst(findings).values()].map(({ gateway, redis }) => {
    const { route, role } = gateway.attack;
    return [
      ...[`\`${route}\``, role, cell(gateway), gateway.cost.gateway.toFixed(0)],
      ...[redis.cost.redis < 1 ? '' : cell(redis), redis.cost.redis.toFixed(1)],
    ].join(' | ');
  });
  return [
    '| route | role | worst request for the gateway | ms | worst for Redis | ms |',
    '| --- | --- | --- | --- | --- | --- |',
    ...lines.sort().map(line => `| ${line} |`),
  ].join('\n');
}

export function worst(
  findings: readonly Finding[],
): Map<string, { readonly gateway: Finding; readonly redis: Finding }> {
  const worst = new Map<string, { gateway: Finding; redis: Finding }>();
  for (const finding of findings) {
    const { attack, cost } = finding;
    const key = `${attack.route} ${attack.role}`;
    const { gateway = finding, redis = finding } = worst.get(key) ?? {};
    worst.set(key, {
      gateway: cost.gateway > gateway.cost.gateway ? finding : gateway,
      redis: cost.redis > redis.cost.redis ? finding : redis,
    });
  }
  return worst;
}

const MAX_CELL = 70;

function cell({ attack: { what }, cost: { status } }: Finding): string {
  const short = what.length > MAX_CELL ? `${what.slice(0, MAX_CELL)}…` : what;
  return `\`${short.replaceAll('|', '¦').replaceAll('`', "'")}\` (${status})`;
}

/** Prints the table, and also writes it to `file` if there is one. */
export function publish(table: string, file: string | undefined): void {
  process.stdout.write(`${table}\n`);
  if (file !== undefined) writeFileSync(file, `${table}\n`);
}
