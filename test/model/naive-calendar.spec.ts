import { nextPeriod, periodBefore, periodOf } from './naive-calendar.js';

const at = (text: string) => Date.parse(text);

describe('periods done by hand', () => {
  it.each([
    ['2026-11-22T02:59:59.999Z', 'daily', 'America/Sao_Paulo', '2026-11-21', '2026-11-20'],
    ['2026-11-22T03:00:00.000Z', 'daily', 'America/Sao_Paulo', '2026-11-22', '2026-11-21'],
    ['2026-11-21T18:29:59.999Z', 'daily', 'Asia/Kolkata', '2026-11-21', '2026-11-20'],
    ['2026-11-21T18:30:00.000Z', 'daily', 'Asia/Kolkata', '2026-11-22', '2026-11-21'],
    ['2026-11-22T23:59:59.999Z', 'weekly', 'UTC', '2026-W47', '2026-W46'],
    ['2026-11-23T00:00:00.000Z', 'weekly', 'UTC', '2026-W48', '2026-W47'],
    ['2027-01-03T12:00:00.000Z', 'weekly', 'UTC', '2026-W53', '2026-W52'],
    ['2027-01-04T00:00:00.000Z', 'weekly', 'UTC', '2027-W01', '2026-W53'],
    ['2024-12-30T00:00:00.000Z', 'weekly', 'UTC', '2025-W01', '2024-W52'],
    ['2027-01-01T00:00:00.000Z', 'monthly', 'UTC', '2027-01', '2026-12'],
    ['2027-01-01T00:00:00.000Z', 'monthly', 'America/New_York', '2026-12', '2026-11'],
    ['2026-11-21T18:14:59.999Z', '*/15 * * * *', 'UTC', '2026-11-21T18:00Z', '2026-11-21T17:45Z'],
    ['2026-11-21T18:14:59.999Z', '0 * * * *', 'Asia/Kolkata', '2026-11-21T17:30Z', '2026-11-21T16:30Z'],
    ['2026-11-21T09:29:59.999Z', '30 6 * * *', 'America/Sao_Paulo', '2026-11-20T09:30Z', '2026-11-19T09:30Z'],
    ['2026-11-21T09:30:00.000Z', '30 6 * * *', 'America/Sao_Paulo', '2026-11-21T09:30Z', '2026-11-20T09:30Z'],
    // Clocks in Berlin go back on 25 October 2026: a day of 25 hours, and an hour that comes twice.
    ['2026-10-25T04:00:00.000Z', '30 6 * * *', 'Europe/Berlin', '2026-10-24T04:30Z', '2026-10-23T04:30Z'],
    ['2026-10-25T05:30:00.000Z', '30 6 * * *', 'Europe/Berlin', '2026-10-25T05:30Z', '2026-10-24T04:30Z'],
    ['2026-10-25T01:59:00.000Z', '0 * * * *', 'Europe/Berlin', '2026-10-25T01:00Z', '2026-10-25T00:00Z'],
  ] as const)('%s is, %s in %s, in %s after %s', (time, reset, zone, period, before) => {
    expect(periodOf(at(time), reset, zone)).toBe(period);
    expect(periodBefore(at(time), reset, zone)).toBe(before);
  });

  it('begin where the one before ends', () => {
    expect(nextPeriod(at('2026-11-21T12:00:00Z'), 'daily', 'America/Sao_Paulo')).toBe(
      at('2026-11-22T03:00:00Z'),
    );
    expect(nextPeriod(at('2026-10-24T22:00:00Z'), 'daily', 'Europe/Berlin')).toBe(at('2026-10-25T23:00:00Z'));
    expect(nextPeriod(at('2026-11-21T12:00:00Z'), 'monthly', 'UTC')).toBe(at('2026-12-01T00:00:00Z'));
  });
});
