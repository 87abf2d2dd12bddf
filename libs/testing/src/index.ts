export * from './events.js';
export * from './eventually.js';
export * from './test-log.js';
