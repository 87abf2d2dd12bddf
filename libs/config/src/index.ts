export * from './environment.js';
export { reachableHost } from './hosts.js';
export * from './load.js';
export * from './quotas.js';
export * from './rate-limits.js';
export * from './redis-environment.js';
export { isSecretSet } from './secrets.js';
