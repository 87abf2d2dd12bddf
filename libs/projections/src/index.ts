export { Eraser } from './erasure/eraser.js';
export { forgetLogins } from './erasure/forget-logins.js';
export * from './jobs/job-runner.js';
export * from './jobs/jobs.js';
export * from './leaderboards/index.js';
export { NO_RULES, type Projection } from './projection.js';
export * from './projector.js';
export * from './rebuild/catch-up.js';
export { sweep } from './rebuild/sweep.js';
export * from './saves/index.js';
export * from './scores/index.js';
export type * from './verify/difference.js';
export type { Source } from './view.js';

export * from './projections.js';
