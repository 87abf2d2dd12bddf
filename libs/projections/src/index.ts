import type { StreamName } from '#libs/events';
import { leaderboards } from './leaderboards/index.js';
import type { Projection } from './projection.js';
import { saves } from './saves/index.js';
import { scoreDocuments } from './scores/index.js';

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

// biome-ignore lint/suspicious/noExplicitAny: whoever takes one as it comes hands its events and states back to it only
export type AnyProjection = Projection<any, any, any>;

/** Every projection. */
export const projections: readonly AnyProjection[] = [leaderboards, scoreDocuments, saves];

/** @returns nothing when no projection is called so */
export function projectionCalled(title: string): AnyProjection | undefined {
  return projections.find(projection => projection.title === title);
}

/** The consumer groups of a stream: one for each projection of it. */
export function groupsOf(stream: StreamName): string[] {
  return projections.filter(projection => projection.stream === stream).map(projection => projection.name);
}
