import { CronExpressionParser } from 'cron-parser';
import { QUARTER_HOUR_MS, Zone } from './zone.js';

const DAY_MS = 24 * 60 * 60_000;

/** Years have four digits, and older calendars differ. */
const ALLOWED_TIMES = { from: Date.parse('1900'), until: Date.parse('9000') };

/** A `reset` or `timezone` that is invalid. */
export class InvalidResetError extends Error {
  readonly code = 'INVALID_RESET';
  override readonly name = 'InvalidResetError';
}

/** A text that is not the id of a period of the board. */
export class InvalidPeriodError extends Error {
  readonly code = 'INVALID_PERIOD';
  override readonly name = 'InvalidPeriodError';

  constructor(id: string, example: string) {
    super(`"${id}" is not a period of this board: use an id such as ${example}`);
  }
}

/** The periods of a board. Their ids, compared as text, are in the order of time. */
export interface Periods {
  /** The id of the period of a moment. @param ms since 1970 */
  at(ms: number): string;
  /**
   * The id of the previous period in the calendar, whether it has scores or not.
   *
   * @throws InvalidPeriodError
   */
  before(id: string): string;
  /**
   * @returns the id, in its canonical form
   * @throws InvalidPeriodError
   */
  check(id: string): string;
  /** When a period begins and ends. @param id in its canonical form */
  span(id: string): PeriodSpan;
}

/** Moments in milliseconds since 1970. */
export interface PeriodSpan {
  readonly startsAt: number;
  /** The first moment after the period. */
  readonly endsAt: number;
}

/** How periods are named. */
interface PeriodNames {
  readonly example: string;
  /** The id of the period that contains a time. */
  name(time: number): string;
  /** The time when a period begins. For an invalid id, NaN or any time: the caller compares the name of the result. */
  beginning(id: string): number;
}

const cache = new Map<string, Periods>();

/**
 * @param reset `daily`, `weekly`, `monthly`, or a cron expression of five fields
 * @param timezone an IANA name, for the beginning of days and for the cron expression
 * @throws InvalidResetError
 */
export function periodsOf(reset: string, timezone = 'UTC'): Periods {
  const key = `${timezone} ${reset}`;
  const periods = cache.get(key) ?? createPeriods(reset, timezone);
  cache.set(key, periods);
  return periods;
}

function createPeriods(reset: string, timezone: string): Periods {
  const naming = Object.hasOwn(CALENDAR, reset) && CALENDAR[reset as keyof typeof CALENDAR];
  return naming ? calendarPeriods(naming, zoneOf(timezone)) : cronPeriods(reset, timezone);
}

/**
 * @param spanOf computes the span of a period. The last result is cached: readers ask for the same period again and again
 * @param at the name of the period of a moment, if names are by local time and not by moment
 */
function periodsNamedBy(naming: PeriodNames, spanOf: (id: string) => PeriodSpan, at = naming.name): Periods {
  let last: { readonly id: string; readonly span: PeriodSpan } | undefined;
  const span = (id: string) => {
    if (last?.id !== id) last = { id, span: spanOf(id) };
    return last.span;
  };
  const check = (id: string) => {
    const canonical = id.toUpperCase();
    const time = naming.beginning(canonical);
    const exists =
      time >= ALLOWED_TIMES.from && time < ALLOWED_TIMES.until && naming.name(time) === canonical;
    if (!exists) throw new InvalidPeriodError(id, naming.example);
    return canonical;
  };
  return { at, check, span, before: id => naming.name(naming.beginning(check(id)) - 1) };
}

const isoDate = (time: number) => new Date(time).toISOString();

interface CalendarNames extends PeriodNames {
  /** The length of the longest period. */
  readonly maxDays: number;
}

/** Periods that are named by local date. */
const CALENDAR = {
  daily: {
    example: '2026-11-21',
    name: time => isoDate(time).slice(0, 10),
    beginning: Date.parse,
    maxDays: 1,
  },
  weekly: { example: '2026-W47', name: isoWeek, beginning: mondayOf, maxDays: 7 },
  monthly: {
    example: '2026-11',
    name: time => isoDate(time).slice(0, 7),
    beginning: Date.parse,
    maxDays: 31,
  },
} satisfies Record<string, CalendarNames>;

/** The Monday of a week. 1 January 1970 was a Thursday. */
const monday = (time: number) => Math.floor((time / DAY_MS + 3) / 7) * 7 * DAY_MS - 3 * DAY_MS;

/** The ISO week. Its year is the year of its Thursday. */
function isoWeek(time: number): string {
  const thursday = monday(time) + 3 * DAY_MS;
  const year = isoDate(thursday).slice(0, 4);
  const week = 1 + Math.floor((thursday - Date.parse(year)) / (7 * DAY_MS));
  return `${year}-W${String(week).padStart(2, '0')}`;
}

/** The Monday of an ISO week. 4 January is always in the first week. */
function mondayOf(id: string): number {
  const [, year, week] = /^(\d{4})-W(\d\d)$/.exec(id) ?? [];
  return monday(Date.parse(`${year}-01-04`)) + (Number(week) - 1) * 7 * DAY_MS;
}

/** Caches the id for the current quarter hour, since a replay asks for every event. Days begin at full quarter hours in every zone. */
function calendarPeriods(naming: CalendarNames, zone: Zone): Periods {
  let quarter = Number.NaN;
  let id = '';
  const at = (ms: number) => {
    const asked = Math.floor(ms / QUARTER_HOUR_MS);
    if (asked !== quarter) {
      id = naming.name(zone.localTime(ms));
      quarter = asked;
    }
    return id;
  };
  const spanOf = (period: string) => {
    const start = naming.beginning(period);
    const next = naming.beginning(naming.name(start + naming.maxDays * DAY_MS));
    return { startsAt: zone.momentOf(start), endsAt: zone.momentOf(next) };
  };
  return periodsNamedBy(naming, spanOf, at);
}

/**
 * Periods that are named by the minute, in UTC, in which they begin.
 *
 * The result must not depend on earlier calls. Near a clock change, the parser's steps forward and back lead to different
 * minutes. So the parser only works in UTC, on local times, and the zone converts these to moments. If only the minutes of
 * the expression are set, an hour that occurs twice counts as two hours.
 */
function cronPeriods(expression: string, timezone: string): Periods {
  const zone = zoneOf(timezone, !/^\S+(?:\s+\*){4}$/.test(expression));
  const cron = parseCron(expression);
  const step = (localTime: number, way: 'prev' | 'next') => {
    cron.reset(new Date(localTime));
    return cron[way]().getTime();
  };
  let [start, end, id] = [0, 0, ''];
  const at = (ms: number) => {
    if (ms < start || ms >= end) {
      const localStart = step(zone.localTime(ms) + 1, 'prev');
      start = zone.momentOf(localStart);
      end = zone.momentOf(step(localStart, 'next'));
      id = `${isoDate(start).slice(0, 16)}Z`;
    }
    return id;
  };
  const spanOf = (period: string) => {
    at(Date.parse(period));
    return { startsAt: start, endsAt: end };
  };
  return periodsNamedBy({ example: at(Date.UTC(2026, 10, 21, 18)), name: at, beginning: Date.parse }, spanOf);
}

const EXAMPLE =
  'daily, weekly, monthly, or a cron expression of five fields such as "0 18 * * 5" (Fridays at 18:00)';

function parseCron(expression: string) {
  const invalid = (reason: string, cause?: unknown) =>
    new InvalidResetError(`reset "${expression}" ${reason}: use ${EXAMPLE}`, { cause });
  if (expression.trim().split(/\s+/).length !== 5) throw invalid('does not have five fields');
  // The parser replaces H by a random minute, a different one each time.
  if (/H(?!U)/i.test(expression)) throw invalid('contains H, which is not a fixed time');
  try {
    const cron = CronExpressionParser.parse(expression, { currentDate: new Date(0), tz: 'UTC' });
    cron.next();
    return cron;
  } catch (error) {
    throw invalid(`is not a valid cron expression (${(error as Error).message})`, error);
  }
}

function zoneOf(timezone: string, hoursMatter?: boolean): Zone {
  try {
    return new Zone(timezone, hoursMatter);
  } catch (cause) {
    throw new InvalidResetError(
      `timezone "${timezone}" does not exist: use an IANA name such as America/Sao_Paulo`,
      { cause },
    );
  }
}
