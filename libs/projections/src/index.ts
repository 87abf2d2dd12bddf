import type { StreamName } from '#libs/events';
import { leaderboards } from './leaderboards/index.js';
import { saves } from './saves/index.js';
import { scoreDocuments } from './scores/index.js';

export * from './leaderboards/index.js';
export type * from './projection.js';
export * from './projector.js';
export * from './saves/index.js';
export * from './scores/index.js';

/** Every projection. */
export const projections = [leaderboards, scoreDocuments, saves] as const;

/** The consumer groups of a stream: one for each projection of it. */
export function groupsOf(stream: StreamName): string[] {
  return projections.filter(projection => projection.stream === stream).map(projection => projection.name);
}
