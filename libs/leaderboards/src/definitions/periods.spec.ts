import fc from 'fast-check';
import { InvalidPeriodError, InvalidResetError, type Periods, periodsOf } from './periods.js';

const MINUTE = 60_000;
const at = (reset: string, timezone: string, moment: string) =>
  periodsOf(reset, timezone).at(Date.parse(moment));

/** Where clocks are set forward or back. */
const SHIFTS = [
  '2026-03-29T01:00Z',
  '2026-10-25T01:00Z',
  '2026-03-08T05:00Z',
  '2026-11-01T05:00Z',
  '2026-04-23T22:00Z',
  '2026-10-29T21:00Z',
  '2026-03-28T22:00Z',
  '2026-10-24T21:00Z',
  '2026-04-04T15:00Z',
  '2026-10-03T15:30Z',
];
const anywhere = fc.date({
  min: new Date('2020-01-01T00:00Z'),
  max: new Date('2040-01-01T00:00Z'),
  noInvalidDate: true,
});
const nearShift = fc
  .tuple(fc.constantFrom(...SHIFTS), fc.integer({ min: -1_500, max: 1_500 }))
  .map(([shift, minutes]) => Date.parse(shift) + minutes * MINUTE);
const ms = fc.oneof(
  anywhere.map(date => date.getTime()),
  nearShift,
);
const ZONES = [
  'UTC',
  'America/Sao_Paulo',
  'America/Havana',
  'America/St_Johns',
  'Africa/Cairo',
  'Africa/Casablanca',
  'Asia/Kolkata',
  'Asia/Beirut',
  'Australia/Lord_Howe',
  'Europe/Berlin',
  'Pacific/Apia',
  'Antarctica/Troll',
];
const CRONS = [
  '0 18 * * 5',
  '*/15 * * * *',
  '0 * * * *',
  '30 2 * * *',
  '0 0 * * *',
  '17 0,12 1,15 * *',
  '*/20 * 29 10 *',
  '0 0 L * *',
  '0 9 * * MON-THU',
  '0 0 * 2 1#1',
];
const cuts = fc.record({
  reset: fc.constantFrom('daily', 'weekly', 'monthly', ...CRONS),
  timezone: fc.constantFrom(...ZONES),
});

describe('periods', () => {
  it.each([
    // Three hours behind UTC, without daylight saving time.
    ['daily', 'America/Sao_Paulo', '2026-11-21T02:59:59.999Z', '2026-11-20'],
    ['daily', 'America/Sao_Paulo', '2026-11-21T03:00:00.000Z', '2026-11-21'],
    ['monthly', 'America/Sao_Paulo', '2027-01-01T02:59:59.999Z', '2026-12'],
    ['monthly', 'America/Sao_Paulo', '2027-01-01T03:00:00.000Z', '2027-01'],
    // Days that begin at half past an hour of UTC.
    ['daily', 'Asia/Kolkata', '2026-11-20T18:29:59.999Z', '2026-11-20'],
    ['daily', 'Asia/Kolkata', '2026-11-20T18:30:00.000Z', '2026-11-21'],
    // A day that did not exist: the zone moved across the date line.
    ['daily', 'Pacific/Apia', '2011-12-30T09:59:59.999Z', '2011-12-29'],
    ['daily', 'Pacific/Apia', '2011-12-30T10:00:00.000Z', '2011-12-31'],
    ['daily', 'Pacific/Apia', '2026-11-20T11:00:00.000Z', '2026-11-21'],
    // A day of 23 hours and one of 25.
    ['daily', 'Europe/Berlin', '2026-03-28T23:00:00.000Z', '2026-03-29'],
    ['daily', 'Europe/Berlin', '2026-03-29T21:59:59.999Z', '2026-03-29'],
    ['daily', 'Europe/Berlin', '2026-03-29T22:00:00.000Z', '2026-03-30'],
    ['daily', 'Europe/Berlin', '2026-10-24T22:00:00.000Z', '2026-10-25'],
    ['daily', 'Europe/Berlin', '2026-10-25T22:59:59.999Z', '2026-10-25'],
    ['daily', 'Europe/Berlin', '2026-10-25T23:00:00.000Z', '2026-10-26'],
    // A day that begins at one o'clock, and an hour before midnight that occurs twice.
    ['daily', 'Africa/Cairo', '2026-04-23T21:59:59.999Z', '2026-04-23'],
    ['daily', 'Africa/Cairo', '2026-04-23T22:00:00.000Z', '2026-04-24'],
    ['daily', 'Africa/Cairo', '2026-10-29T21:30:00.000Z', '2026-10-29'],
    ['daily', 'Africa/Cairo', '2026-10-29T22:00:00.000Z', '2026-10-30'],
    ['daily', 'America/Havana', '2026-03-08T04:59:59.999Z', '2026-03-07'],
    ['daily', 'America/Havana', '2026-03-08T05:00:00.000Z', '2026-03-08'],
    // A clock that is set back past midnight: the new day has begun and continues.
    ['daily', 'America/St_Johns', '2010-11-07T03:30:00.000Z', '2010-11-07'],
    // Weeks belong to the year of their Thursday.
    ['weekly', 'UTC', '2026-11-16T00:00:00.000Z', '2026-W47'],
    ['weekly', 'UTC', '2026-11-22T23:59:59.999Z', '2026-W47'],
    ['weekly', 'UTC', '2026-12-31T12:00:00.000Z', '2026-W53'],
    ['weekly', 'UTC', '2027-01-01T12:00:00.000Z', '2026-W53'],
    ['weekly', 'UTC', '2027-01-04T00:00:00.000Z', '2027-W01'],
    ['weekly', 'UTC', '2024-12-30T00:00:00.000Z', '2025-W01'],
    ['weekly', 'Pacific/Apia', '2024-12-29T11:00:00.000Z', '2025-W01'],
    ['monthly', 'UTC', '2026-12-31T23:59:59.999Z', '2026-12'],
    ['daily', 'UTC', '1969-12-31T23:59:59.999Z', '1969-12-31'],
  ])('%s in %s, at %s: %s', (reset, timezone, moment, id) => {
    expect(at(reset, timezone, moment)).toBe(id);
  });

  it.each([
    ['0 18 * * 5', 'UTC', '2026-11-20T17:59:59.999Z', '2026-11-13T18:00Z'],
    ['0 18 * * 5', 'UTC', '2026-11-20T18:00:00.000Z', '2026-11-20T18:00Z'],
    ['0 18 * * 5', 'UTC', '2026-11-20T18:00:00.001Z', '2026-11-20T18:00Z'],
    // Six o'clock local time, before and after the clocks change.
    ['0 18 * * 5', 'Europe/Berlin', '2026-10-30T16:59:59.999Z', '2026-10-23T16:00Z'],
    ['0 18 * * 5', 'Europe/Berlin', '2026-10-30T17:00:00.000Z', '2026-10-30T17:00Z'],
    ['0 18 * * 5', 'Europe/Berlin', '2026-04-03T16:00:00.000Z', '2026-04-03T16:00Z'],
    ['*/15 * * * *', 'UTC', '2026-12-31T23:59:59.999Z', '2026-12-31T23:45Z'],
    ['*/15 * * * *', 'UTC', '2027-01-01T00:00:00.000Z', '2027-01-01T00:00Z'],
    // An hour that occurs twice counts as two hours.
    ['*/15 * * * *', 'Europe/Berlin', '2026-10-25T00:59:59.999Z', '2026-10-25T00:45Z'],
    ['*/15 * * * *', 'Europe/Berlin', '2026-10-25T01:20:00.000Z', '2026-10-25T01:15Z'],
    ['10 * * * *', 'Asia/Kolkata', '2026-11-21T00:39:59.999Z', '2026-11-20T23:40Z'],
    // A time that occurs twice counts the first time.
    ['30 2 * * *', 'Europe/Berlin', '2026-10-25T00:29:59.999Z', '2026-10-24T00:30Z'],
    ['30 2 * * *', 'Europe/Berlin', '2026-10-25T01:45:00.000Z', '2026-10-25T00:30Z'],
    ['30 2 * * *', 'Europe/Berlin', '2026-10-26T01:29:59.999Z', '2026-10-25T00:30Z'],
    // A skipped time counts at the moment when the clock skips it.
    ['30 2 * * *', 'Europe/Berlin', '2026-03-29T00:59:59.999Z', '2026-03-28T01:30Z'],
    ['30 2 * * *', 'Europe/Berlin', '2026-03-29T01:00:00.000Z', '2026-03-29T01:00Z'],
    ['0 0 * * *', 'America/Havana', '2026-03-08T05:00:00.000Z', '2026-03-08T05:00Z'],
    ['0 0 * * *', 'America/Havana', '2026-11-01T05:30:00.000Z', '2026-11-01T04:00Z'],
    ['0 0 * * *', 'Pacific/Apia', '2011-12-30T10:00:00.000Z', '2011-12-30T10:00Z'],
    // The fifth Monday of a February.
    ['0 0 * 2 1#5', 'UTC', '2026-06-01T00:00:00.000Z', '2016-02-29T00:00Z'],
    ['0 0 29 2 *', 'UTC', '2027-06-01T00:00:00.000Z', '2024-02-29T00:00Z'],
  ])('"%s" in %s, at %s: %s', (reset, timezone, moment, id) => {
    expect(at(reset, timezone, moment)).toBe(id);
  });

  it.each([
    ['daily', '2026-03-01', '2026-02-28'],
    ['daily', '2026-01-01', '2025-12-31'],
    ['weekly', '2027-W01', '2026-W53'],
    ['weekly', '2025-W01', '2024-W52'],
    ['monthly', '2026-01', '2025-12'],
    ['0 18 * * 5', '2026-11-20T18:00Z', '2026-11-13T18:00Z'],
  ])('%s: before %s was %s', (reset, id, before) => {
    expect(periodsOf(reset).before(id)).toBe(before);
  });

  it('accepts ids in lower case', () => {
    expect(periodsOf('weekly').check('2026-w47')).toBe('2026-W47');
    expect(periodsOf('0 18 * * 5').check('2026-11-20t18:00z')).toBe('2026-11-20T18:00Z');
  });

  it.each([
    ['daily', '2026-02-30'],
    ['daily', '2026-11'],
    ['daily', '2026-11-21T00:00Z'],
    ['daily', '21 Nov 2026'],
    ['daily', ''],
    ['weekly', '2026-W00'],
    ['weekly', '2026-W54'],
    ['weekly', '2025-W53'],
    ['weekly', '2026-W7'],
    ['monthly', '2026-13'],
    ['monthly', '2026'],
    ['0 18 * * 5', '2026-11-20'],
    ['0 18 * * 5', '2026-11-20T18:01Z'],
    ['0 18 * * 5', '2026-11-21T18:00Z'],
    ['0 18 * * 5', '2026-11-20T18:00:00Z'],
    ['0 18 * * 5', 'last week'],
  ])('%s has no period "%s", and says what one looks like', (reset, id) => {
    const periods = periodsOf(reset);
    expect(() => periods.check(id)).toThrow(InvalidPeriodError);
    expect(() => periods.before(id)).toThrow(InvalidPeriodError);
    expect(() => periods.check(id)).toThrow(/use an id such as \S+$/);
  });

  it('accepts or rejects any text', () => {
    const year = fc.constantFrom('0000', '0001', '1969', '2026', '9999', '+275760', '-271821', '+012026');
    const rest = fc.constantFrom(
      '',
      '-01',
      '-04-20',
      '-09-13',
      '-W01',
      '-W53',
      '-01-01T00:00Z',
      '-04-20T00:00Z',
    );
    const dates = fc
      .tuple(year, rest)
      .chain(parts => fc.constantFrom(parts.join(''), `${parts.join('')}T00:00Z`));
    fc.assert(
      fc.property(cuts, fc.oneof(dates, fc.string()), ({ reset, timezone }, text) => {
        const periods = periodsOf(reset, timezone);
        try {
          const id = periods.check(text);
          expect(periods.before(id) < id).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidPeriodError);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('gives an example of an id that it accepts', () => {
    for (const reset of ['daily', 'weekly', 'monthly', ...CRONS]) {
      const message = messageOf(() => periodsOf(reset, 'Asia/Kolkata').check('none'));
      const example = message.split(' ').at(-1) ?? '';
      expect(periodsOf(reset, 'Asia/Kolkata').check(example)).toBe(example);
    }
  });

  it.each([
    '',
    'hourly',
    'toString',
    '@daily',
    '0 0 0 * * *',
    '0 0 * *',
    '0 0 31 2 *',
    '0 0 30 2 *',
    '0 0 31 4,6 *',
    '60 * * * *',
    '5-1 * * * *',
    '0 0 * * FOO',
    'H * * * *',
    '0 H/3 * * *',
    '*/0 * * * *',
  ])('rejects "%s" at once, and gives an example of a valid reset', reset => {
    const began = performance.now();
    expect(() => periodsOf(reset)).toThrow(InvalidResetError);
    expect(() => periodsOf(reset)).toThrow(/0 18 \* \* 5/);
    expect(performance.now() - began).toBeLessThan(200);
  });

  it('rejects a time zone that does not exist', () => {
    for (const reset of ['daily', '0 18 * * 5']) {
      expect(() => periodsOf(reset, 'Mars/Olympus')).toThrow(InvalidResetError);
      expect(() => periodsOf(reset, 'Mars/Olympus')).toThrow(/America\/Sao_Paulo/);
    }
  });

  it('creates the periods once for each reset and time zone', () => {
    expect(periodsOf('daily', 'Europe/Berlin')).toBe(periodsOf('daily', 'Europe/Berlin'));
    expect(periodsOf('daily', 'Europe/Berlin')).not.toBe(periodsOf('daily'));
  });

  it('never goes back in time, and neither do the ids compared as text', () => {
    fc.assert(
      fc.property(cuts, ms, ms, fc.nat(3 * 60 * MINUTE), ({ reset, timezone }, one, other, little) => {
        const periods = periodsOf(reset, timezone);
        const times = [one, other, one + little].sort((a, b) => a - b);
        const ids = times.map(time => periods.at(time));
        expect(ids).toEqual(ids.toSorted());
      }),
    );
  });

  it('accepts its own ids, and each period begins where the one before ends', () => {
    fc.assert(
      fc.property(cuts, ms, ({ reset, timezone }, time) => {
        const periods = periodsOf(reset, timezone);
        const id = periods.at(time);
        expect(periods.check(id)).toBe(id);
        const before = periods.before(id);
        expect(before < id).toBe(true);
        const beginning = CRONS.includes(reset) ? Date.parse(id) : beginningOf(periods, id, time);
        expect(periods.at(beginning)).toBe(id);
        expect(periods.at(beginning - 1)).toBe(before);
      }),
    );
  });

  it('spans exactly the moments that have its id', () => {
    fc.assert(
      fc.property(cuts, ms, ({ reset, timezone }, time) => {
        const periods = periodsOf(reset, timezone);
        const id = periods.at(time);
        const { startsAt, endsAt } = periods.span(id);
        expect(startsAt).toBeLessThanOrEqual(time);
        expect(endsAt).toBeGreaterThan(time);
        expect([periods.at(startsAt), periods.at(endsAt - 1)]).toEqual([id, id]);
        expect(periods.at(startsAt - 1)).toBe(periods.before(id));
        expect(periods.before(periods.at(endsAt))).toBe(id);
      }),
    );
  });

  it('agrees with a check of every minute, whatever the order of calls', () => {
    fc.assert(
      fc.property(fc.constantFrom(...CRONS), fc.constantFrom(...ZONES), ms, (reset, timezone, time) => {
        const periods = periodsOf(reset, timezone);
        const first = Math.floor(time / MINUTE) * MINUTE;
        const forward = Array.from({ length: 200 }, (_, i) => periods.at(first + i * MINUTE));
        const backward = Array.from({ length: 200 }, (_, i) => periods.at(first + i * MINUTE + 59_999));
        expect(backward).toEqual(forward);
        for (const [i, id] of forward.entries()) {
          const begins = id === `${new Date(first + i * MINUTE).toISOString().slice(0, 16)}Z`;
          if (i > 0) expect(begins).toBe(id !== forward[i - 1]);
        }
      }),
    );
  });

  it('begins a day by cron at the same moment as by calendar, in every time zone', () => {
    fc.assert(
      fc.property(fc.constantFrom(...ZONES), ms, (timezone, time) => {
        const daily = periodsOf('daily', timezone);
        const cron = periodsOf('0 0 * * *', timezone);
        const beginning = Date.parse(cron.at(time));
        expect(daily.at(beginning)).toBe(daily.at(time));
        expect(daily.at(beginning - 1)).toBe(daily.before(daily.at(time)));
      }),
    );
  });

  it('is fast enough to be called for every event of a replay: a million calls', () => {
    for (const reset of ['daily', '0 18 * * 5', '*/15 * * * *']) {
      const periods = periodsOf(reset, 'Europe/Berlin');
      const began = performance.now();
      for (let i = 0; i < 1_000_000; i++) periods.at(1_790_000_000_000 + i * 20);
      expect(performance.now() - began).toBeLessThan(5_000);
    }
  });
});

/** Finds the first moment of a period by bisection. */
function beginningOf(periods: Periods, id: string, moment: number): number {
  let [outside, inside] = [moment - 32 * 24 * 60 * MINUTE, moment];
  while (inside - outside > 1) {
    const middle = Math.floor((inside + outside) / 2);
    if (periods.at(middle) < id) outside = middle;
    else inside = middle;
  }
  return inside;
}

function messageOf(action: () => unknown): string {
  try {
    action();
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}
