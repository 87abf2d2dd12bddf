export * from './environment.js';
export * from './load.js';
export * from './quotas.js';
export * from './rate-limits.js';
export * from './redis-environment.js';
