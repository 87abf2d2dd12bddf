import { CronExpressionParser } from 'cron-parser';
import { QUARTER, Zone } from './zone.js';

const DAY = 24 * 60 * 60_000;

/** Beyond, calendars are not what they are, and years not four digits. */
const ERA = { from: Date.parse('1900'), until: Date.parse('9000') };

/** A `reset` or a `timezone` that says nothing. */
export class InvalidResetError extends Error {
  readonly code = 'INVALID_RESET';
  override readonly name = 'InvalidResetError';
}

/** A text that names no period of the board. */
export class InvalidPeriodError extends Error {
  readonly code = 'INVALID_PERIOD';
  override readonly name = 'InvalidPeriodError';

  constructor(id: string, example: string) {
    super(`"${id}" is no period of this board: expected one such as ${example}`);
  }
}

/** How a board's time is cut. Ids that are compared as text are in the order of their periods in time. */
export interface Periods {
  /** The id of the period that a moment (ms since 1970) belongs to. */
  at(ms: number): string;
  /**
   * The id of the period just before, in the calendar.
   *
   * @throws InvalidPeriodError
   */
  before(id: string): string;
  /**
   * @returns the id, in its canonical form
   * @throws InvalidPeriodError
   */
  check(id: string): string;
}

/** What periods are called, by their beginnings. */
interface Naming {
  readonly example: string;
  /** The id of the period that a time is in. */
  name(time: number): string;
  /** The time at which a period begins; NaN, or any other, for what is no id. */
  beginning(id: string): number;
}

const cut = new Map<string, Periods>();

/**
 * @param reset `daily`, `weekly`, `monthly`, or a cron expression of five fields
 * @param timezone an IANA name: where days begin, and what the expression is read by
 * @throws InvalidResetError
 */
export function periodsOf(reset: string, timezone = 'UTC'): Periods {
  const key = `${timezone} ${reset}`;
  const periods = cut.get(key) ?? cutTime(reset, timezone);
  cut.set(key, periods);
  return periods;
}

function cutTime(reset: string, timezone: string): Periods {
  const naming = Object.hasOwn(CALENDAR, reset) && CALENDAR[reset as keyof typeof CALENDAR];
  return naming ? byCalendar(naming, zoneCalled(timezone)) : byCron(reset, timezone);
}

/** @param at `name` of that moment, if it is not the zone's clock that names go by */
function named(naming: Naming, at = naming.name): Periods {
  const check = (id: string) => {
    const canonical = id.toUpperCase();
    const time = naming.beginning(canonical);
    const exists = time >= ERA.from && time < ERA.until && naming.name(time) === canonical;
    if (!exists) throw new InvalidPeriodError(id, naming.example);
    return canonical;
  };
  return { at, check, before: id => naming.name(naming.beginning(check(id)) - 1) };
}

const isoDate = (time: number) => new Date(time).toISOString();

/** Named by what a calendar on the wall shows. */
const CALENDAR = {
  daily: { example: '2026-11-21', name: time => isoDate(time).slice(0, 10), beginning: Date.parse },
  weekly: { example: '2026-W47', name: isoWeek, beginning: mondayOf },
  monthly: { example: '2026-11', name: time => isoDate(time).slice(0, 7), beginning: Date.parse },
} satisfies Record<string, Naming>;

/** The first of 1970 was a Thursday. */
const monday = (time: number) => Math.floor((time / DAY + 3) / 7) * 7 * DAY - 3 * DAY;

/** The week's year is that of its Thursday. */
function isoWeek(time: number): string {
  const thursday = monday(time) + 3 * DAY;
  const year = isoDate(thursday).slice(0, 4);
  const week = 1 + Math.floor((thursday - Date.parse(year)) / (7 * DAY));
  return `${year}-W${String(week).padStart(2, '0')}`;
}

/** The fourth of January is always in the first week. */
function mondayOf(id: string): number {
  const [, year, week] = /^(\d{4})-W(\d\d)$/.exec(id) ?? [];
  return monday(Date.parse(`${year}-01-04`)) + (Number(week) - 1) * 7 * DAY;
}

/** Days begin at quarter hours everywhere, so the last quarter hour's id is remembered: a replay asks for every event. */
function byCalendar(naming: Naming, zone: Zone): Periods {
  let quarter = Number.NaN;
  let id = '';
  return named(naming, ms => {
    const asked = Math.floor(ms / QUARTER);
    if (asked !== quarter) {
      id = naming.name(zone.reading(ms));
      quarter = asked;
    }
    return id;
  });
}

/**
 * Named by the minute in UTC in which they begin.
 *
 * Which minutes those are must be the same whatever was asked before, so the expression is asked only what a clock
 * that never shifts would show (near a shift, its own steps forward and back meet other minutes), and the zone when
 * it was so late first. An expression of minutes alone knows no days: an hour that comes twice is two hours to it.
 */
function byCron(expression: string, timezone: string): Periods {
  const zone = zoneCalled(timezone, !/^\S+(?:\s+\*){4}$/.test(expression));
  const cron = parseCron(expression);
  const step = (reading: number, way: 'prev' | 'next') => {
    cron.reset(new Date(reading));
    return cron[way]().getTime();
  };
  let [start, end, id] = [0, 0, ''];
  const at = (ms: number) => {
    if (ms < start || ms >= end) {
      const reading = step(zone.reading(ms) + 1, 'prev');
      start = zone.moment(reading);
      end = zone.moment(step(reading, 'next'));
      id = `${isoDate(start).slice(0, 16)}Z`;
    }
    return id;
  };
  return named({ example: at(Date.UTC(2026, 10, 21, 18)), name: at, beginning: Date.parse });
}

const EXAMPLE = 'daily, weekly, monthly, or five fields such as "0 18 * * 5" (Fridays at 18:00)';

function parseCron(expression: string) {
  const refuse = (reason: string, cause?: unknown) =>
    new InvalidResetError(`reset "${expression}" ${reason}: expected ${EXAMPLE}`, { cause });
  if (expression.trim().split(/\s+/).length !== 5) throw refuse('does not have five fields');
  // The parser takes H for a minute of its own choice, another one each time.
  if (/H(?!U)/i.test(expression)) throw refuse('leaves a time open');
  try {
    const cron = CronExpressionParser.parse(expression, { currentDate: new Date(0), tz: 'UTC' });
    cron.next();
    return cron;
  } catch (error) {
    throw refuse(`names no time (${(error as Error).message})`, error);
  }
}

function zoneCalled(timezone: string, hoursMatter?: boolean): Zone {
  try {
    return new Zone(timezone, hoursMatter);
  } catch (cause) {
    throw new InvalidResetError(
      `there is no time zone "${timezone}": expected an IANA name such as America/Sao_Paulo`,
      { cause },
    );
  }
}
