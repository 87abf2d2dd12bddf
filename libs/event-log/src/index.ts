export * from './event-log.js';
export * from './event-ref.js';
export * from './progress.js';
export type * from './settlement.js';
export * from './topology.js';
