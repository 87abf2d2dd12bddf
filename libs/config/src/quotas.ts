export const QUOTA_NAMES = [
  'player.saveBytes',
  'player.slots',
  'player.boards',
  'player.bytesPerHour',
  'address.guestsPerHour',
] as const;
export type QuotaName = (typeof QUOTA_NAMES)[number];

/** What a guest may have or do. What has no limit is absent. */
export type Quotas = ReadonlyMap<QuotaName, number>;

/**
 * What no game was found to come near, and what a greedy guest gets. `docs/security.md` says what they add up to, and
 * a test compares the two.
 */
const DEFAULTS =
  'player.saveBytes=16MiB,player.slots=100,player.boards=1000,player.bytesPerHour=64MiB,address.guestsPerHour=10000';

const UNITS: Readonly<Record<string, number>> = { '': 1, KiB: 1_024, MiB: 1_024 ** 2, GiB: 1_024 ** 3 };
const GREATEST_QUOTA = 1_000_000_000_000;

/** A setting of `QUOTAS` that cannot be understood. */
export class QuotaSyntaxError extends Error {
  readonly code = 'QUOTA_SYNTAX';
  override readonly name = 'QuotaSyntaxError';
}

/**
 * Reads `on`, `off`, or what differs from the defaults: `player.slots=20,player.saveBytes=4MiB,player.boards=off`.
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
      if (named.has(name)) throw new QuotaSyntaxError(`"${name}" is there twice: name each quota once`);
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
    return fail('expected on, off, or settings such as player.slots=20, with commas between them');
  if (name === undefined) return fail(`there is no quota "${given}"; there are ${QUOTA_NAMES.join(', ')}`);
  if (value === 'off') return [name, undefined];
  const [, count, unit = ''] = /^(\d{1,13})(|[KMG]iB)$/.exec(value) ?? [];
  const limit = Number(count) * (UNITS[unit] ?? 0);
  if (count === undefined || limit < 1 || limit > GREATEST_QUOTA)
    return fail(`expected off, or a number from 1 to ${GREATEST_QUOTA} such as 100, 64KiB, 16MiB or 1GiB`);
  return [name, limit];
}
