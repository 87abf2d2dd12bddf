const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Time zones change their offset only at full quarter hours. */
export const QUARTER_HOUR_MS = 15 * MINUTE_MS;

/** No time zone has ever set its clock back by more at once. */
const MAX_SETBACK_MS = 4 * HOUR_MS;

/**
 * The local time of a time zone.
 *
 * A local time is a number of milliseconds: the moment when UTC shows that time.
 */
export class Zone {
  private readonly format: Intl.DateTimeFormat;

  /**
   * @param timezone an IANA name
   * @param usesWholeOffset false if only the minutes of the offset matter, and not its hours
   * @throws RangeError if the zone does not exist
   */
  constructor(
    timezone: string,
    private readonly usesWholeOffset = true,
  ) {
    this.format = new Intl.DateTimeFormat('en-US', { timeZone: timezone, timeZoneName: 'longOffset' });
  }

  /** The local time at a moment. It never goes back: when the clock is set back, it stands still until the clock catches up. */
  localTime(ms: number): number {
    const offset = this.offset(ms);
    let latest = ms + offset;
    if (this.offset(ms - MAX_SETBACK_MS) <= offset) return latest;
    const quarter = Math.floor(ms / QUARTER_HOUR_MS) * QUARTER_HOUR_MS;
    for (let end = quarter; end > ms - MAX_SETBACK_MS; end -= QUARTER_HOUR_MS) {
      latest = Math.max(latest, end - 1 + this.offset(end - 1));
    }
    return latest;
  }

  /** The first moment at which the local time is at least the given one. */
  momentOf(localTime: number): number {
    let ms = localTime - Math.max(this.offset(localTime - DAY_MS), this.offset(localTime + DAY_MS));
    for (let behind = this.behind(ms, localTime); behind > 0; behind = this.behind(ms, localTime)) {
      ms = Math.min(ms + behind, (Math.floor(ms / QUARTER_HOUR_MS) + 1) * QUARTER_HOUR_MS);
    }
    return ms;
  }

  private behind(ms: number, localTime: number): number {
    return localTime - ms - this.offset(ms);
  }

  private offset(ms: number): number {
    const [, sign, hours, minutes, seconds = 0] =
      /GMT([+-])(\d\d):(\d\d)(?::(\d\d))?$/.exec(this.format.format(ms)) ?? [];
    if (!sign) return 0;
    const ahead = Number(hours) * HOUR_MS + Number(minutes) * MINUTE_MS + Number(seconds) * 1_000;
    return Number(`${sign}1`) * (this.usesWholeOffset ? ahead : ahead % HOUR_MS);
  }
}
