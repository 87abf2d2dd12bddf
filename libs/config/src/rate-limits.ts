export const LIMITED_ROLES = ['anonymous', 'player', 'server', 'admin'] as const;
export type LimitedRole = (typeof LIMITED_ROLES)[number];

export const LIMITED_CLASSES = ['read', 'write', 'bulk', 'login'] as const;
export type LimitedClass = (typeof LIMITED_CLASSES)[number];

/** How much may pass in any span of time of one length. */
export interface RateLimit {
  readonly limit: number;
  /** Milliseconds. */
  readonly window: number;
}

/** By role and class, such as `player.write`. What has no limit is absent. */
export type RateLimits = ReadonlyMap<`${LimitedRole}.${LimitedClass}`, RateLimit>;

/**
 * A player's are what a game needs with room to spare, and what a cheater gets. An address may be a school behind
 * one router, or a proxy in front of everybody: its reads are only kept from taking a gateway alone. A login is dear,
 * as it makes players; wrong secrets have a limit of their own. A key is trusted: its limits stop what has run wild.
 * A `bulk` counts scores, and any list that is taken at all fits into an empty window.
 */
const DEFAULTS = [
  'anonymous.read=200000/10s,anonymous.write=2000/10s,anonymous.bulk=1000/10s,anonymous.login=2000/1m',
  'player.read=1000/10s,player.write=1000/10s,player.bulk=1000/10s,player.login=30/1m',
  'server.read=500000/10s,server.write=500000/10s,server.bulk=5000000/10s,server.login=100000/10s',
  'admin.read=500000/10s,admin.write=500000/10s,admin.bulk=5000000/10s,admin.login=100000/10s',
].join();

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 };
/** Milliseconds. */
const LONGEST_WINDOW = UNITS.h as number;
const GREATEST_LIMIT = 1_000_000_000;

/** A setting of `RATE_LIMIT` that cannot be understood. */
export class RateLimitSyntaxError extends Error {
  readonly code = 'RATE_LIMIT_SYNTAX';
  override readonly name = 'RateLimitSyntaxError';
}

/**
 * Reads `on`, `off`, or what shall differ from the defaults: `player.write=50/10s,anonymous.read=off`.
 *
 * @returns nothing when all is off
 * @throws RateLimitSyntaxError
 */
export function parseRateLimits(text: string): RateLimits | undefined {
  if (text === 'off') return undefined;
  const limits = new Map();
  for (const list of [DEFAULTS, ...(text === 'on' ? [] : [text])]) {
    const names = new Set<string>();
    for (const setting of list.split(',')) {
      const [name, limit] = parseSetting(setting.trim());
      if (names.has(name)) throw new RateLimitSyntaxError(`"${name}" is there twice`);
      names.add(name);
      if (limit) limits.set(name, limit);
      else limits.delete(name);
    }
  }
  return limits;
}

function parseSetting(setting: string): [name: string, limit: RateLimit | undefined] {
  const fail = (reason: string): never => {
    throw new RateLimitSyntaxError(`"${setting}": ${reason}`);
  };
  const [, role, routeClass, value = ''] = /^([^.=]*)\.([^.=]*)=(.*)$/.exec(setting) ?? [];
  if (role === undefined || routeClass === undefined)
    return fail('expected on, off, or settings such as player.write=50/10s, with commas between them');
  if (!LIMITED_ROLES.some(known => known === role))
    return fail(`there is no role "${role}"; there are ${LIMITED_ROLES.join(', ')}`);
  if (!LIMITED_CLASSES.some(known => known === routeClass))
    return fail(`there is no class "${routeClass}"; there are ${LIMITED_CLASSES.join(', ')}`);
  const name = `${role}.${routeClass}`;
  if (value === 'off') return [name, undefined];
  const [, count, length, unit = ''] = /^(\d+)\/(\d*)([smh])$/.exec(value) ?? [];
  if (count === undefined)
    return fail('expected off, or how many in what time, such as 50/10s, 600/m or 5000/1h');
  const limit = Number(count);
  const window = Number(length || 1) * (UNITS[unit] ?? 0);
  if (limit < 1 || limit > GREATEST_LIMIT) return fail(`the limit must be 1 to ${GREATEST_LIMIT}`);
  if (window < 1_000 || window > LONGEST_WINDOW) return fail('the time must be 1s to 1h');
  return [name, { limit, window }];
}
