import { Problem, unavailable } from '../http/problem.js';
import { liveStreams } from './metrics.js';

export interface LiveLimits {
  /** Streams of one address, or of one IPv6 network. */
  readonly perAddress: number;
  /** Streams of this gateway. */
  readonly total: number;
}

/** Seconds after which a refused client may ask again. Streams last for long. */
const RETRY_AFTER_S = 10;

/** Counts live streams: each holds memory and a connection for as long as its client stays. */
export class LiveStreams {
  private readonly ofAddresses = new Map<string, number>();
  private count = 0;

  constructor(private readonly limits: LiveLimits) {}

  /**
   * @returns gives the place back; call it once
   * @throws Problem 429 when the address has its share, 503 when the gateway has
   */
  admit(address: string): () => void {
    const { perAddress, total } = this.limits;
    const own = this.ofAddresses.get(address) ?? 0;
    if (own >= perAddress) {
      throw new Problem(429, {
        code: 'too-many-streams',
        detail: `this address has ${own} live streams open, and may have ${perAddress}: close one, or share one among the pages that show it`,
        headers: { 'Retry-After': String(RETRY_AFTER_S) },
      });
    }
    if (this.count >= total)
      throw unavailable(`this gateway has all ${total} live streams that it may have; try again later`);
    this.add(address, 1);
    return () => this.add(address, -1);
  }

  private add(address: string, change: 1 | -1): void {
    const own = (this.ofAddresses.get(address) ?? 0) + change;
    if (own > 0) this.ofAddresses.set(address, own);
    else this.ofAddresses.delete(address);
    this.count += change;
    liveStreams.inc(change);
  }
}
