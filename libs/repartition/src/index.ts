export { RepartitionRefusedError } from './preflight.js';
export * from './repartition.js';
