import type { Findings } from './findings.js';
import type { Gateways } from './gateways.js';
import type { Model } from './model.js';
import type { ChaosOptions } from './options.js';

/** What all clients share. */
export interface World {
  readonly options: ChaosOptions;
  readonly model: Model;
  readonly gateways: Gateways;
  readonly findings: Findings;
  readonly reads: {
    verified: number;
    /** 503, or no connection: allowed. */
    unanswered: number;
    /** The event asked for was visible, and an earlier one of the same player was not yet: allowed. */
    'without an earlier event': number;
  };
}
