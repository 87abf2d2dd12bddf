export { createFolder } from './create-folder.js';
export * from './embedded-redis.js';
