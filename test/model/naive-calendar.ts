/** When a new period begins; of cron expressions those that can be done by hand. */
export type Reset = 'daily' | 'weekly' | 'monthly' | '0 * * * *' | '*/15 * * * *' | '30 6 * * *';

export const RESETS: readonly Reset[] = [
  'daily',
  'weekly',
  'monthly',
  '0 * * * *',
  '*/15 * * * *',
  '30 6 * * *',
];

/** Periods of all of these begin at quarter hours, everywhere. */
const QUARTER = 15 * 60_000;
const DAY = 24 * 60 * 60_000;

/** What calendar and clock on a wall show: `2026-11-21` and `18:05`. */
type Wall = readonly [date: string, time: string];

/** The id of the period that a moment is in. */
export const periodOf = remembered((ms: number, reset: Reset, timezone: string): string => {
  const [date] = wallAt(ms, timezone);
  if (reset === 'daily') return date;
  if (reset === 'monthly') return date.slice(0, 7);
  if (reset === 'weekly') return isoWeek(new Date(date));
  let beginning = quarterOf(ms);
  while (!begins(wallAt(beginning, timezone), reset)) beginning -= QUARTER;
  return `${new Date(beginning).toISOString().slice(0, 16)}Z`;
});

/** The id of the period just before: one walks back in time until it is not the same any more. */
export const periodBefore = remembered((ms: number, reset: Reset, timezone: string): string => {
  const period = periodOf(ms, reset, timezone);
  let earlier = quarterOf(ms);
  while (periodOf(earlier, reset, timezone) === period) earlier -= QUARTER;
  return periodOf(earlier, reset, timezone);
});

/** The first moment of the period that a moment is in. */
export const beginningOf = remembered((ms: number, reset: Reset, timezone: string): number => {
  const period = periodOf(ms, reset, timezone);
  let beginning = quarterOf(ms);
  while (periodOf(beginning - QUARTER, reset, timezone) === period) beginning -= QUARTER;
  return beginning;
});

/** The first moment of the next period. */
export const nextPeriod = remembered((ms: number, reset: Reset, timezone: string): number => {
  const period = periodOf(ms, reset, timezone);
  let later = quarterOf(ms) + QUARTER;
  while (periodOf(later, reset, timezone) === period) later += QUARTER;
  return later;
});

function begins([, time]: Wall, reset: Reset): boolean {
  if (reset === '0 * * * *') return time.endsWith(':00');
  if (reset === '30 6 * * *') return time === '06:30';
  return /:(00|15|30|45)$/.test(time);
}

/** A week belongs to the year of its Thursday, and the first one is that of the first Thursday. */
function isoWeek(date: Date): string {
  const daysSinceMonday = (date.getUTCDay() + 6) % 7;
  const thursday = new Date(date.getTime() + (3 - daysSinceMonday) * DAY);
  const year = thursday.getUTCFullYear();
  let week = 1;
  for (let day = thursday.getTime() - 7 * DAY; new Date(day).getUTCFullYear() === year; day -= 7 * DAY)
    week++;
  return `${year}-W${String(week).padStart(2, '0')}`;
}

const quarterOf = (ms: number) => Math.floor(ms / QUARTER) * QUARTER;

const walls = new Map<string, Intl.DateTimeFormat>();

function wallAt(ms: number, timezone: string): Wall {
  // Swedes write dates as ISO 8601 does.
  const format = { timeZone: timezone, dateStyle: 'short', timeStyle: 'short' } as const;
  const wall = walls.get(timezone) ?? new Intl.DateTimeFormat('sv', format);
  walls.set(timezone, wall);
  const [date = '', time = ''] = wall.format(ms).split(' ');
  return [date, time];
}

/** The same for all of a quarter hour. Walking through a month costs thousands of looks at the wall. */
function remembered<T>(
  compute: (ms: number, reset: Reset, timezone: string) => T,
): (ms: number, reset: Reset, timezone: string) => T {
  const known = new Map<string, T>();
  return (ms, reset, timezone) => {
    const key = `${quarterOf(ms)} ${reset} ${timezone}`;
    const found = known.get(key) ?? compute(ms, reset, timezone);
    known.set(key, found);
    return found;
  };
}
