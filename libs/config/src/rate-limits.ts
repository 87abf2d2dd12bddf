export const LIMITED_ROLES = ['anonymous', 'player', 'server', 'admin'] as const;
export type LimitedRole = (typeof LIMITED_ROLES)[number];

export const LIMITED_CLASSES = ['read', 'write', 'bulk', 'login'] as const;
export type LimitedClass = (typeof LIMITED_CLASSES)[number];

/** At most `limit` requests (or scores, for `bulk`) in any window of this length. */
export interface RateLimit {
  readonly limit: number;
  /** Milliseconds. */
  readonly window: number;
}

/** Limits by role and class, such as `player.write`. A class without a limit is absent. */
export type RateLimits = ReadonlyMap<`${LimitedRole}.${LimitedClass}`, RateLimit>;

/**
 * - `player`: more than a game needs, and low enough to bound a cheater.
 * - `anonymous`: counted per address, which may be a school behind one router or a proxy in front of all players. Reads are
 *   limited only so that one address cannot take all of a gateway. Logins are limited more strictly because they create
 *   players; wrong secrets have a separate limit.
 * - `server`, `admin`: trusted; the limits stop programs that run out of control.
 *
 * `bulk` counts scores. The largest list that a request may have fits into an empty window.
 */
const DEFAULTS = [
  'anonymous.read=200000/10s,anonymous.write=2000/10s,anonymous.bulk=1000/10s,anonymous.login=2000/1m',
  'player.read=1000/10s,player.write=1000/10s,player.bulk=1000/10s,player.login=30/1m',
  'server.read=500000/10s,server.write=500000/10s,server.bulk=5000000/10s,server.login=100000/10s',
  'admin.read=500000/10s,admin.write=500000/10s,admin.bulk=5000000/10s,admin.login=100000/10s',
].join();

const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 };
const MAX_WINDOW_MS = UNIT_MS.h as number;
const MAX_LIMIT = 1_000_000_000;

/** `RATE_LIMIT` has invalid syntax. */
export class RateLimitSyntaxError extends Error {
  readonly code = 'RATE_LIMIT_SYNTAX';
  override readonly name = 'RateLimitSyntaxError';
}

/**
 * Parses `on`, `off`, or overrides of the defaults, such as `player.write=50/10s,anonymous.read=off`.
 *
 * @returns undefined when rate limits are off
 * @throws RateLimitSyntaxError
 */
export function parseRateLimits(text: string): RateLimits | undefined {
  if (text === 'off') return undefined;
  const limits = new Map();
  for (const list of [DEFAULTS, ...(text === 'on' ? [] : [text])]) {
    const names = new Set<string>();
    for (const setting of list.split(',')) {
      const [name, limit] = parseSetting(setting.trim());
      if (names.has(name)) throw new RateLimitSyntaxError(`"${name}" is given twice: give each limit once`);
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
    return fail('expected on, off, or comma-separated settings such as player.write=50/10s');
  if (!LIMITED_ROLES.some(known => known === role))
    return fail(`unknown role "${role}"; the roles are ${LIMITED_ROLES.join(', ')}`);
  if (!LIMITED_CLASSES.some(known => known === routeClass))
    return fail(`unknown class "${routeClass}"; the classes are ${LIMITED_CLASSES.join(', ')}`);
  const name = `${role}.${routeClass}`;
  if (value === 'off') return [name, undefined];
  const [, count, length, unit = ''] = /^(\d+)\/(\d*)([smh])$/.exec(value) ?? [];
  if (count === undefined) return fail('expected off or <limit>/<window>, such as 50/10s, 600/m, or 5000/1h');
  const limit = Number(count);
  const window = Number(length || 1) * (UNIT_MS[unit] ?? 0);
  if (limit < 1 || limit > MAX_LIMIT) return fail(`the limit must be from 1 to ${MAX_LIMIT}`);
  if (window < 1_000 || window > MAX_WINDOW_MS) return fail('the window must be from 1s to 1h');
  return [name, { limit, window }];
}
