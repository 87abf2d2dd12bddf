export * from './connect.js';
export { type ConnectionLimits, Connections, limitConnections } from './connections.js';
export * from './follow-topology.js';
export * from './log.module.js';
export * from './open-log.js';
export * from './projection.module.js';
export * from './redis-checks.js';
export * from './run-service.js';
export * from './run-worker.js';
