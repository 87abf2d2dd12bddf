import type { StreamName } from '#libs/events';
import { leaderboards, scoreDocuments } from '#libs/leaderboards';
import type { Projection } from '#libs/projections';
import { saves } from './saves.projection.js';

// biome-ignore lint/suspicious/noExplicitAny: callers pass its events and states back to the same projection only
export type AnyProjection = Projection<any, any, any>;

/**
 * All projections. This list is the manifest: the start script, jobs, chaos, and lag metrics use it, and a test compares apps, npm
 * scripts, compose files, and Kubernetes manifests with it.
 */
export const projections: readonly AnyProjection[] = [leaderboards, scoreDocuments, saves];

/** @returns undefined if no projection has this title */
export function projectionByTitle(title: string): AnyProjection | undefined {
  return projections.find(projection => projection.title === title);
}

/** The consumer groups of a stream, one per projection. */
export function groupsOf(stream: StreamName): string[] {
  return projections.filter(projection => projection.stream === stream).map(projection => projection.name);
}
