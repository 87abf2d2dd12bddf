export * from './environment.js';
export { addressToCall } from './hosts.js';
export * from './load.js';
export * from './quotas.js';
export * from './rate-limits.js';
export * from './redis-environment.js';
export { isGiven } from './secrets.js';
