export { Eraser } from './erasure/eraser.js';
export { forgetLogins } from './erasure/forget-logins.js';
export { JobRunner } from './jobs/job-runner.js';
export { type Job, JobActiveError, type JobOrder, JobOverError, type JobState, Jobs } from './jobs/jobs.js';
export { buildKey } from './keys.js';
export { type AnyProjection, groupsOf, projectionByTitle, projections } from './projections/projections.js';
export { type PlayerEvent, type PlayerState, saves } from './projections/saves.projection.js';
export { type Counts, type MoveListener, type MoveResult, Repartition } from './repartition/repartition.js';
export type { Difference } from './verify/difference.js';
