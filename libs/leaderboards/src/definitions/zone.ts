const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Zones shift their clocks at quarter hours, so an offset holds for one. */
export const QUARTER = 15 * MINUTE;

/** No zone sets its clock back by more at once. */
const LARGEST_SETBACK = 4 * HOUR;

/**
 * The clock on the wall of a time zone.
 *
 * Its readings are numbers, too: what they would be in UTC, in ms since 1970.
 */
export class Zone {
  private readonly format: Intl.DateTimeFormat;

  /**
   * @param timezone an IANA name
   * @param hoursMatter whether it does not only matter what minute it is
   * @throws RangeError when there is no such zone
   */
  constructor(
    timezone: string,
    private readonly hoursMatter = true,
  ) {
    this.format = new Intl.DateTimeFormat('en-US', { timeZone: timezone, timeZoneName: 'longOffset' });
  }

  /** What the clock shows; when it is set back, it stands still instead, until it is that late again. */
  reading(ms: number): number {
    const offset = this.offset(ms);
    let latest = ms + offset;
    if (this.offset(ms - LARGEST_SETBACK) <= offset) return latest;
    const quarter = Math.floor(ms / QUARTER) * QUARTER;
    for (let end = quarter; end > ms - LARGEST_SETBACK; end -= QUARTER) {
      latest = Math.max(latest, end - 1 + this.offset(end - 1));
    }
    return latest;
  }

  /** The first moment at which the clock shows so late a time, or, when it skips that, a later one. */
  moment(reading: number): number {
    let ms = reading - Math.max(this.offset(reading - DAY), this.offset(reading + DAY));
    for (let behind = this.behind(ms, reading); behind > 0; behind = this.behind(ms, reading)) {
      ms = Math.min(ms + behind, (Math.floor(ms / QUARTER) + 1) * QUARTER);
    }
    return ms;
  }

  private behind(ms: number, reading: number): number {
    return reading - ms - this.offset(ms);
  }

  private offset(ms: number): number {
    const [, sign, hours, minutes, seconds = 0] =
      /GMT([+-])(\d\d):(\d\d)(?::(\d\d))?$/.exec(this.format.format(ms)) ?? [];
    if (!sign) return 0;
    const ahead = Number(hours) * HOUR + Number(minutes) * MINUTE + Number(seconds) * 1_000;
    return Number(`${sign}1`) * (this.hoursMatter ? ahead : ahead % HOUR);
  }
}
