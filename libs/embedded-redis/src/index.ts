export * from './embedded-redis.js';
export { fullDisk } from './end-reason.js';
