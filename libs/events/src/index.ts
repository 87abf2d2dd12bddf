export * from './codec.js';
export type * from './definition.js';
export * from './errors.js';
export * from './event.js';
export * from './event-id.js';
export type * from './save-written.js';
export type * from './score-submitted.js';
