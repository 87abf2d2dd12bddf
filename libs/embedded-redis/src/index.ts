export * from './embedded-redis.js';
export { makeFolder } from './make-folder.js';
