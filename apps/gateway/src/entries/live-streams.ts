import { Problem, unavailable } from '../http/problem.js';
import { OpenCounter } from '../limits/open-counter.js';
import { liveStreams } from './metrics.js';

export interface LiveLimits {
  /** Streams of one address, or of one IPv6 network. */
  readonly perAddress: number;
  /** Streams of this gateway. */
  readonly total: number;
}

/** Streams are long, so a refused client need not come back sooner. */
const RETRY_AFTER_S = 10;

/** Limits live streams: each one holds memory and a connection while its client stays. */
export class LiveStreams {
  private readonly open = new OpenCounter();

  constructor(private readonly limits: LiveLimits) {}

  /**
   * @returns releases the stream's place; call it once
   * @throws Problem 429 when the address has its most streams, 503 when the gateway has
   */
  admit(address: string): () => void {
    const { perAddress, total } = this.limits;
    const own = this.open.of(address);
    if (own >= perAddress) {
      throw new Problem(429, {
        code: 'too-many-streams',
        detail: `this address has ${own} live streams open, and may have ${perAddress}: close one, or share one among the pages that show it`,
        headers: { 'Retry-After': String(RETRY_AFTER_S) },
      });
    }
    if (this.open.total >= total)
      throw unavailable(`this gateway has all ${total} live streams that it may have; try again later`);
    const close = this.open.open(address);
    liveStreams.set(this.open.total);
    return () => {
      close();
      liveStreams.set(this.open.total);
    };
  }
}
