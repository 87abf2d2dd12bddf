export const QUOTA_NAMES = [
  'player.saveBytes',
  'player.slots',
  'player.boards',
  'player.bytesPerHour',
  'address.guestsPerHour',
] as const;
export type QuotaName = (typeof QUOTA_NAMES)[number];

/** Limits of one guest player or address. A quota without a limit is absent. */
export type Quotas = ReadonlyMap<QuotaName, number>;

/** Far above what games need, and low enough to bound an abusive guest. A test compares them with `docs/security.md`. */
const DEFAULTS =
  'player.saveBytes=16MiB,player.slots=100,player.boards=1000,player.bytesPerHour=64MiB,address.guestsPerHour=10000';

const UNIT_BYTES: Readonly<Record<string, number>> = { '': 1, KiB: 1_024, MiB: 1_024 ** 2, GiB: 1_024 ** 3 };
const MAX_QUOTA = 1_000_000_000_000;

/** `QUOTAS` has invalid syntax. */
export class QuotaSyntaxError extends Error {
  readonly code = 'QUOTA_SYNTAX';
  override readonly name = 'QuotaSyntaxError';
}

/**
 * Parses `on`, `off`, or overrides of the defaults, such as `player.slots=20,player.saveBytes=4MiB,player.boards=off`.
 *
 * @throws QuotaSyntaxError
 */
export function parseQuotas(text: string): Quotas {
  const quotas = new Map<QuotaName, number>();
  if (text === 'off') return quotas;
  for (const list of text === 'on' ? [DEFAULTS] : [DEFAULTS, text]) {
    const named = new Set<string>();
    for (const setting of list.split(',')) {
      const [name, limit] = parseSetting(setting.trim());
      if (named.has(name)) throw new QuotaSyntaxError(`"${name}" is given twice: give each quota once`);
      named.add(name);
      if (limit === undefined) quotas.delete(name);
      else quotas.set(name, limit);
    }
  }
  return quotas;
}

function parseSetting(setting: string): [name: QuotaName, limit: number | undefined] {
  const fail = (reason: string): never => {
    throw new QuotaSyntaxError(`"${setting}": ${reason}`);
  };
  const [given, value] = setting.split('=', 2);
  const name = QUOTA_NAMES.find(known => known === given);
  if (value === undefined)
    return fail('expected on, off, or comma-separated settings such as player.slots=20');
  if (name === undefined) return fail(`unknown quota "${given}"; the quotas are ${QUOTA_NAMES.join(', ')}`);
  if (value === 'off') return [name, undefined];
  const [, count, unit = ''] = /^(\d{1,13})(|[KMG]iB)$/.exec(value) ?? [];
  const limit = Number(count) * (UNIT_BYTES[unit] ?? 0);
  if (count === undefined || limit < 1 || limit > MAX_QUOTA)
    return fail(`expected off, or a number from 1 to ${MAX_QUOTA} such as 100, 64KiB, 16MiB, or 1GiB`);
  return [name, limit];
}
